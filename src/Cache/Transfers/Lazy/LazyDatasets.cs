using System.Collections.Concurrent;
using DatasetCache.Datasets;
using DatasetCache.Reading;

namespace DatasetCache.Transfers.Lazy;

/// <summary>The datasets that were opened to be read piece by piece. They are known for as long as somebody reads them now and then; what was read of them is on the disk.</summary>
internal sealed class LazyDatasets : IDisposable
{
    /// <summary>How long one is known that nobody reads.</summary>
    public static readonly TimeSpan KnownFor = TimeSpan.FromHours(1);

    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(5);
    private readonly LazyGround ground;
    private readonly ConcurrentDictionary<string, LazyDataset> known = new(StringComparer.Ordinal);
    private readonly ITimer sweeper;
    private long forgotten, forgottenFromPeers;

    public LazyDatasets(LazyGround ground)
    {
        this.ground = ground;
        ground.Turns.Yield = name => Task.WhenAll(known.Values.Where(lazy => string.Equals(lazy.Name, name, StringComparison.Ordinal)).Select(lazy => lazy.YieldAsync(onlyIdle: false)));
        sweeper = ground.Time.CreateTimer(_ => _ = SweepAsync(), state: null, SweepEvery, SweepEvery);
    }

    public LazyGround Ground => ground;

    /// <summary>Bytes that were read from origins for single reads.</summary>
    public long BytesFromOrigin => Interlocked.Read(ref forgotten) + known.Values.Sum(lazy => lazy.Meter.BytesFromOrigin);

    /// <summary>The same from other nodes.</summary>
    public long BytesFromPeers => Interlocked.Read(ref forgottenFromPeers) + known.Values.Sum(lazy => lazy.Meter.BytesFromPeers);

    public LazyDataset? Find(string key) => known.GetValueOrDefault(key);

    public LazyDataset? Find(DatasetIdentity identity) => known.Values.FirstOrDefault(lazy => IsSame(lazy.Identity, identity));

    /// <summary>Forgets a dataset that is something else by now; what was read of it and did not change stays on the disk.</summary>
    public async Task RemoveAsync(LazyDataset stale)
    {
        if (!known.TryRemove(new KeyValuePair<string, LazyDataset>(stale.CacheKey, stale)))
            return;
        Interlocked.Add(ref forgotten, stale.Meter.BytesFromOrigin);
        Interlocked.Add(ref forgottenFromPeers, stale.Meter.BytesFromPeers);
        await stale.YieldAsync(onlyIdle: false);
        stale.Dispose();
    }

    /// <returns>The one that is known of this identity: this one, or another that was faster.</returns>
    public LazyDataset Add(LazyDataset lazy)
    {
        var there = known.GetOrAdd(lazy.CacheKey, lazy);
        return ReferenceEquals(there, lazy) || IsSame(there.Identity, lazy.Identity) ? there : known.AddOrUpdate(lazy.CacheKey, lazy, (_, _) => lazy);
    }

    public DatasetReading? TryRead(string key)
    {
        if (!known.TryGetValue(key, out var lazy))
            return null;
        lazy.Enter();
        // All of it may be here by now, and under another name.
        if (ground.OpenReady(lazy.Identity) is { } ready)
        {
            lazy.Leave();
            return ready;
        }
        return new LazyReading(lazy, ground);
    }

    /// <summary>Lets go of every area that nobody reads at the moment and that nobody is about to change.</summary>
    public Task LetGoAsync() => Task.WhenAll(known.Values.Select(lazy => lazy.LetGoAsync()));

    private async Task SweepAsync()
    {
        foreach (var pair in known)
        {
            try
            {
                await pair.Value.YieldAsync(onlyIdle: true);
                await pair.Value.RemindAsync();
                if (!pair.Value.IsIdle || ground.Time.GetElapsedTime(pair.Value.LastUsed) < KnownFor || !known.TryRemove(pair))
                    continue;
                Interlocked.Add(ref forgotten, pair.Value.Meter.BytesFromOrigin);
                Interlocked.Add(ref forgottenFromPeers, pair.Value.Meter.BytesFromPeers);
                await pair.Value.ForgetAsync();
                pair.Value.Dispose();
            }
            catch (Exception e) when (e is DatasetCacheException or ObjectDisposedException)
            {
                // A disk that refuses; the next look tries again. Or the cache ends.
            }
        }
    }

    private static bool IsSame(DatasetIdentity one, DatasetIdentity other) => string.Equals(one.Canonical, other.Canonical, StringComparison.Ordinal);

    public void Dispose()
    {
        sweeper.Dispose();
        foreach (var lazy in known.Values)
            lazy.Dispose();
    }
}
