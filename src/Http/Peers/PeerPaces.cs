using System.Collections.Concurrent;

namespace DatasetCache.Http.Peers;

/// <summary>How fast each node was lately, so that a dripping one is told from a narrow network.</summary>
internal sealed class PeerPaces(PeerClientOptions options, TimeProvider time)
{
    private const int MuchFaster = 4;
    private static readonly TimeSpan Lately = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Mercy = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, long> givenUp = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (double BytesPerSecond, long At)> lately = new(StringComparer.Ordinal);

    /// <summary>Watches over one answer.</summary>
    public PeerPace Watch(string endpoint) => new(this, endpoint, options.SpeedWindow, time);

    private void Note(string endpoint, double rate) => lately[endpoint] = (rate, time.GetTimestamp());

    private bool IsTooSlow(string endpoint, double rate)
    {
        if (rate < options.LeastBytesPerSecond)
            return true;
        if (rate >= options.SlowBytesPerSecond || !lately.Any(other => !string.Equals(other.Key, endpoint, StringComparison.Ordinal) && IsFaster(other.Value, rate)))
            return false;
        // Who is asked again has what nobody else has: to give it up again and again would bring nothing, ever.
        if (givenUp.TryGetValue(endpoint, out var at) && time.GetElapsedTime(at) < Mercy)
            return false;
        givenUp[endpoint] = time.GetTimestamp();
        return true;
    }

    private bool IsFaster((double BytesPerSecond, long At) other, double rate) => time.GetElapsedTime(other.At) < Lately && other.BytesPerSecond > rate * MuchFaster;

    internal sealed class PeerPace(PeerPaces paces, string endpoint, TimeSpan window, TimeProvider time)
    {
        private long begun = time.GetTimestamp();
        private long bytes;

        /// <returns>False where it is to be given up.</returns>
        public bool Came(int count)
        {
            bytes += count;
            var taken = time.GetElapsedTime(begun);
            if (taken < window)
                return true;
            var rate = bytes / taken.TotalSeconds;
            paces.Note(endpoint, rate);
            (begun, bytes) = (time.GetTimestamp(), 0);
            return !paces.IsTooSlow(endpoint, rate);
        }

        /// <summary>We waited for our own limits: no fault of the node's.</summary>
        public void Waited(TimeSpan wait) => begun += (long)(wait.TotalSeconds * time.TimestampFrequency);

        public void Done()
        {
            // Less says nothing.
            if (bytes >= 256 * 1024)
                paces.Note(endpoint, bytes / Math.Max(time.GetElapsedTime(begun).TotalSeconds, 1e-6));
        }
    }
}
