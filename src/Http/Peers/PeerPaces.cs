using System.Collections.Concurrent;

namespace DatasetCache.Http.Peers;

/// <summary>How fast each node was lately, so that a dripping one is told from a narrow network.</summary>
internal sealed class PeerPaces(PeerClientOptions options, TimeProvider time)
{
    private const int MuchFaster = 4;
    private static readonly TimeSpan Lately = TimeSpan.FromSeconds(30);
    private readonly ConcurrentDictionary<string, (double BytesPerSecond, long At)> lately = new(StringComparer.Ordinal);

    /// <summary>Watches over one answer.</summary>
    public PeerPace Watch(string endpoint) => new(this, endpoint, options.SpeedWindow, time);

    private void Note(string endpoint, double rate) => lately[endpoint] = (rate, time.GetTimestamp());

    private bool IsTooSlow(string endpoint, double rate) => rate < options.LeastBytesPerSecond
        || (rate < options.SlowBytesPerSecond && lately.Any(other => !string.Equals(other.Key, endpoint, StringComparison.Ordinal) && time.GetElapsedTime(other.Value.At) < Lately && other.Value.BytesPerSecond > rate * MuchFaster));

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
        public void Waited(TimeSpan time1) => begun += (long)(time1.TotalSeconds * time.TimestampFrequency);

        public void Done()
        {
            // Less says nothing.
            if (bytes >= 256 * 1024)
                paces.Note(endpoint, bytes / Math.Max(time.GetElapsedTime(begun).TotalSeconds, 1e-6));
        }
    }
}
