using System.Security.Cryptography;

namespace DatasetCache.Hosting.Node;

/// <summary>
/// Leases that other processes hold by their names. Each is three things: a lock on its entry for as long as this process lives, a line in a journal, from which a new
/// process takes it up again, and for each entry one hold in <c>roots/</c>, which protects it from other processes in between.
/// </summary>
internal sealed class NodeLeases : IDisposable
{
    /// <summary>How long an entry's hold is good for; renewed when half of it has passed. Also the time that a new daemon has to come.</summary>
    public static readonly TimeSpan HoldFor = TimeSpan.FromMinutes(10);

    private readonly LocalDatasetCache cache;
    private readonly TimeProvider time;
    private readonly TimeSpan ttl;
    private readonly string holder;
    private readonly LeaseJournal journal;
    private readonly Lock gate = new();
    private readonly Dictionary<string, Held> held = new(StringComparer.Ordinal);
    private readonly Dictionary<string, EntryHold> holds = new(StringComparer.Ordinal);

    public NodeLeases(LocalDatasetCache cache, TimeProvider time, string node, TimeSpan ttl)
    {
        this.cache = cache;
        this.time = time;
        this.ttl = ttl;
        holder = $"leases of the node {node}";
        journal = new LeaseJournal(cache.Room, ttl);
        foreach (var lease in journal.Live)
        {
            if (cache.TryLeaseByKey(lease.CacheKey) is { } again)
                Keep(lease, again);
            else
                journal.Ended(lease.Id);
        }
    }

    public int Count
    {
        get
        {
            lock (gate)
                return held.Count;
        }
    }

    /// <summary>How many there are on one entry.</summary>
    public int CountOn(string cacheKey)
    {
        lock (gate)
            return holds.GetValueOrDefault(cacheKey)?.Leases ?? 0;
    }

    /// <param name="entry">Lets go of the entry when it is disposed; taken over.</param>
    public NodeLease Add(string cacheKey, string? jobId, IDisposable entry)
    {
        var lease = new NodeLease(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), cacheKey, ttl, jobId);
        lock (gate)
        {
            try
            {
                Keep(lease, entry);
                journal.Began(lease);
            }
            catch
            {
                if (held.Remove(lease.Id))
                    holds[cacheKey].Leases--;
                entry.Dispose();
                throw;
            }
        }
        cache.Recorder?.LeaseBegan();
        return lease;
    }

    public NodeLease? Find(string id)
    {
        lock (gate)
            return held.GetValueOrDefault(id)?.Lease;
    }

    public NodeLease? Renew(string id)
    {
        lock (gate)
        {
            if (!held.TryGetValue(id, out var found))
                return null;
            found.RenewedAt = time.GetTimestamp();
            return found.Lease;
        }
    }

    public bool Release(string id)
    {
        lock (gate)
            return End(id, expired: false);
    }

    /// <summary>Ends what nobody renews, and the holds of entries without a lease; renews the others' holds.</summary>
    public void Sweep()
    {
        lock (gate)
        {
            foreach (var id in held.Where(pair => time.GetElapsedTime(pair.Value.RenewedAt) > ttl).Select(pair => pair.Key).ToArray())
                End(id, expired: true);
            foreach (var (key, hold) in holds.ToArray())
            {
                if (hold.Leases > 0)
                    Protect(key, hold);
                else
                    Free(key);
            }
        }
    }

    /// <summary>Ends an entry's hold at once where nobody has a lease: whoever evicts it need not wait for the next sweep.</summary>
    public void FreeIfIdle(string cacheKey)
    {
        lock (gate)
        {
            if (holds.TryGetValue(cacheKey, out var hold) && hold.Leases == 0)
                Free(cacheKey);
        }
    }

    /// <summary>Somebody else ended the entry's holds: ours is written again where there are leases.</summary>
    public void Reprotect(string cacheKey)
    {
        lock (gate)
        {
            if (!holds.TryGetValue(cacheKey, out var hold))
                return;
            hold.Written = null;
            if (hold.Leases > 0)
                Protect(cacheKey, hold);
        }
    }

    private void Keep(NodeLease lease, IDisposable entry)
    {
        if (!holds.TryGetValue(lease.CacheKey, out var hold))
            holds[lease.CacheKey] = hold = new EntryHold();
        Protect(lease.CacheKey, hold);
        hold.Leases++;
        held[lease.Id] = new Held(lease, entry) { RenewedAt = time.GetTimestamp() };
    }

    private void Protect(string key, EntryHold hold)
    {
        if (hold.Written is { } written && time.GetElapsedTime(written) < HoldFor / 2)
            return;
        cache.HoldFor(key, time.GetUtcNow() + HoldFor, holder);
        hold.Written = time.GetTimestamp();
    }

    private void Free(string key)
    {
        cache.EndHold(key, holder);
        holds.Remove(key);
    }

    private bool End(string id, bool expired)
    {
        if (!held.Remove(id, out var found))
            return false;
        cache.Recorder?.LeaseEnded(expired);
        journal.Ended(id);
        // Its hold goes with the next sweep: a job after the other on one entry would write and delete a file each time.
        holds[found.Lease.CacheKey].Leases--;
        found.Entry.Dispose();
        return true;
    }

    /// <summary>Lets go of the locks alone: the leases go on in the next daemon.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            foreach (var each in held.Values)
                each.Entry.Dispose();
            held.Clear();
            journal.Dispose();
        }
    }

    private sealed class Held(NodeLease lease, IDisposable entry)
    {
        public NodeLease Lease => lease;

        public IDisposable Entry => entry;

        public long RenewedAt { get; set; }
    }

    private sealed class EntryHold
    {
        public int Leases { get; set; }

        public long? Written { get; set; }
    }
}
