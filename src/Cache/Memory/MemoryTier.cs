using DatasetCache.Eviction;

namespace DatasetCache.Memory;

/// <summary>How much of what is read often is kept in memory.</summary>
internal sealed record MemoryTierOptions
{
    /// <summary>Bytes in all, as allocated; 0 for none. Default: 256 MiB.</summary>
    public long Limit { get; init; } = 256L * 1024 * 1024;

    /// <summary>The largest file that is kept, in bytes. Default: 1 MiB.</summary>
    public int Largest { get; init; } = 1024 * 1024;
}

/// <summary>How the memory tier is used.</summary>
/// <param name="Hits">Reads that it answered, those included that waited for somebody else's load.</param>
/// <param name="Misses">Reads that had to load.</param>
/// <param name="StampedePrevented">Reads that waited for a load instead of doing their own.</param>
/// <param name="Used">Bytes as allocated.</param>
internal sealed record MemoryTierCounts(long Hits, long Misses, long StampedePrevented, long BytesServed, long Evictions, long Objects, long Used, long Limit);

/// <param name="Hold">Null where there is no room for it, or it is bad.</param>
/// <param name="IsBad">It could not be loaded.</param>
internal readonly record struct MemoryAnswer(MemoryTier.Hold? Hold, bool IsBad = false);

/// <summary>
/// Small files that are read often, in memory in front of the disk. An object is known by its content (manifest digest and path), loaded once however many ask, and goes when room is needed:
/// what is expired by the entries' own rule first, then what was used longest ago. What somebody is sending still takes its room until it is sent.
/// </summary>
internal sealed class MemoryTier(MemoryTierOptions options, Func<AdaptiveTtl> ttl, TimeProvider time) : IDisposable
{
    // What an object costs on the managed heap: itself, its place in the table and in the list.
    private const int Overhead = 320;

    // How many of the longest unused are looked at for one that is expired.
    private const int Sample = 32;

    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);
    private readonly Lock gate = new();
    private ITimer? sweeper;
    private readonly Dictionary<(string Digest, string Path), Slot> slots = [];
    private readonly LinkedList<Slot> order = [];
    private long used, hits, misses, prevented, served, evictions;

    public MemoryTierCounts Counts
    {
        get
        {
            lock (gate)
                return new MemoryTierCounts(hits, misses, prevented, served, evictions, order.Count, used, options.Limit);
        }
    }

    public bool Takes(long size) => size > 0 && size <= options.Largest && size + Overhead <= options.Limit;

    /// <summary>An object out of memory, which is loaded first where it is not there.</summary>
    /// <param name="cacheKey">The entry that it is of, for <see cref="Drop"/>.</param>
    /// <param name="load">Fills the memory and says whether it could; called by one caller at a time, on his thread.</param>
    public async ValueTask<MemoryAnswer> GetAsync(string cacheKey, string digest, string path, int size, Func<Memory<byte>, bool> load, CancellationToken cancellationToken)
    {
        Slot slot;
        bool isMine;
        lock (gate)
        {
            isMine = !slots.TryGetValue((digest, path), out slot!);
            if (!isMine && slot.IsReady)
                return new MemoryAnswer(Take(slot));
            if (isMine)
            {
                misses++;
                // The allocator rounds up; what it really took is counted.
                if (!TryMakeRoom(size + (size / 8) + 64 + Overhead))
                    return default;
                sweeper ??= time.CreateTimer(_ => Sweep(), state: null, SweepEvery, SweepEvery);
                slots[(digest, path)] = slot = new Slot(cacheKey, digest, path, new MemoryBlock(size));
                used += slot.Takes;
            }
            else
            {
                prevented++;
            }
        }
        if (isMine)
            return Load(slot, load);
        if (!await slot.Loaded.Task.WaitAsync(cancellationToken))
            return new MemoryAnswer(null, IsBad: true);
        lock (gate)
            return slot.IsFree ? default : new MemoryAnswer(Take(slot));
    }

    private MemoryAnswer Load(Slot slot, Func<Memory<byte>, bool> load)
    {
        var loaded = false;
        try
        {
            loaded = load(slot.Block.Memory);
        }
        finally
        {
            lock (gate)
            {
                slot.IsReady = loaded;
                if (!loaded)
                    Remove(slot);
                // Else it was dropped while it was loaded: good for who asked before, and for nobody after.
                else if (slots.TryGetValue((slot.Digest, slot.Path), out var standing) && ReferenceEquals(standing, slot))
                    slot.Node = order.AddLast(slot);
                slot.Usage = default(Usage).Touch(time.GetUtcNow(), ttl().Base);
                if (loaded)
                    served += slot.Block.Memory.Length;
            }
            slot.Loaded.TrySetResult(loaded);
            if (!loaded)
                Leave(slot);
        }
        return loaded ? new MemoryAnswer(new Hold(this, slot)) : new MemoryAnswer(null, IsBad: true);
    }

    private Hold Take(Slot slot)
    {
        hits++;
        served += slot.Block.Memory.Length;
        slot.Readers++;
        slot.Usage = slot.Usage.Touch(time.GetUtcNow(), ttl().Base);
        if (slot.Node is { } node)
        {
            order.Remove(node);
            order.AddLast(node);
        }
        return new Hold(this, slot);
    }

    /// <summary>Forgets what is kept of an entry: it was evicted, or found broken.</summary>
    public void Drop(string cacheKey)
    {
        lock (gate)
        {
            foreach (var slot in slots.Values.Where(slot => string.Equals(slot.CacheKey, cacheKey, StringComparison.Ordinal)).ToArray())
                Remove(slot);
        }
    }

    // Gives back what is expired, also where nobody needs its room.
    private void Sweep()
    {
        lock (gate)
        {
            var now = time.GetUtcNow();
            for (var node = order.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.IsExpired(ttl(), now))
                    Remove(node.Value);
                node = next;
            }
        }
    }

    private bool TryMakeRoom(long bytes)
    {
        if (bytes > options.Limit)
            return false;
        while (used + bytes > options.Limit)
        {
            if (Oldest() is not { } slot)
                return false;
            Remove(slot);
            evictions++;
        }
        return true;
    }

    // What is being sent gives no room by going.
    private Slot? Oldest()
    {
        Slot? oldest = null;
        var now = time.GetUtcNow();
        var looked = 0;
        for (var node = order.First; node is not null && (looked < Sample || oldest is null); node = node.Next)
        {
            if (node.Value.Readers > 0)
                continue;
            looked++;
            if (node.Value.IsExpired(ttl(), now))
                return node.Value;
            oldest ??= node.Value;
        }
        return oldest;
    }

    // Nobody finds it any more; who reads it reads on.
    private void Remove(Slot slot)
    {
        if (slots.TryGetValue((slot.Digest, slot.Path), out var standing) && ReferenceEquals(standing, slot))
            slots.Remove((slot.Digest, slot.Path));
        if (slot.Node is not null)
            order.Remove(slot.Node);
        slot.Node = null;
        if (slot.Readers == 0)
            Free(slot);
    }

    private void Leave(Slot slot)
    {
        lock (gate)
        {
            if (--slot.Readers == 0 && slot.Node is null)
                Free(slot);
        }
    }

    private void Free(Slot slot)
    {
        if (slot.IsFree)
            return;
        slot.IsFree = true;
        used -= slot.Takes;
        ((IDisposable)slot.Block).Dispose();
    }

    public void Dispose()
    {
        lock (gate)
        {
            sweeper?.Dispose();
            foreach (var slot in slots.Values.ToArray())
                Remove(slot);
        }
    }

    /// <summary>An object that somebody reads: it stays where it is until this is disposed.</summary>
    internal sealed class Hold(MemoryTier tier, Slot slot) : IDisposable
    {
        private int ended;

        public ReadOnlyMemory<byte> Bytes => slot.Block.Memory;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
                tier.Leave(slot);
        }
    }

    internal sealed class Slot(string cacheKey, string digest, string path, MemoryBlock block)
    {
        public string CacheKey => cacheKey;

        public string Digest => digest;

        public string Path => path;

        public MemoryBlock Block => block;

        public long Takes { get; } = block.Allocated + Overhead;

        public TaskCompletionSource<bool> Loaded { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Who loads it, then who sends it.</summary>
        public int Readers { get; set; } = 1;

        public bool IsReady { get; set; }

        public bool IsFree { get; set; }

        /// <summary>Its place in the order; null while it is loaded and when nobody finds it any more.</summary>
        public LinkedListNode<Slot>? Node { get; set; }

        public Usage Usage { get; set; }

        public bool IsExpired(AdaptiveTtl ttl, DateTimeOffset now) => ttl.Of(Usage, now) < now - Usage.LastUsed;
    }
}
