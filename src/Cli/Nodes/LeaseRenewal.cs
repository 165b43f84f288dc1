using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Cli.Nodes;

/// <summary>
/// Keeps a node's lease alive for as long as this process wants it. A lease that the node does not know any more is taken anew; where no node lives any more the entry is locked by
/// this process itself.
/// </summary>
internal sealed class LeaseRenewal : IDisposable
{
    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(1);

    private readonly NodeCache node;
    private readonly AcquireRequest request;
    private readonly string cacheKey;
    private readonly TimeSpan every;
    private readonly Lock gate = new();
    private readonly ITimer timer;
    private EntryLease? locked;
    private bool ended;

    public LeaseRenewal(NodeCache node, TimeProvider time, AcquireRequest request, NodeLease lease)
    {
        this.node = node;
        this.request = request with { JobDirectory = null, Hold = null, Refresh = false };
        Id = lease.Id;
        cacheKey = lease.CacheKey;
        every = lease.Ttl / 3;
        timer = time.CreateTimer(static state => _ = ((LeaseRenewal)state!).RenewAsync(), this, every, Timeout.InfiniteTimeSpan);
    }

    public string Id { get; private set; }

    public void Dispose()
    {
        lock (gate)
        {
            if (ended)
                return;
            ended = true;
            locked?.Dispose();
        }
        timer.Dispose();
        node.EndLease(Id);
    }

    private async Task RenewAsync()
    {
        var next = SoonAgain;
        try
        {
            var answer = await node.RenewAsync(Id);
            if (answer.Status == 200 || await TakeAnewAsync())
                next = every;
        }
        catch (NodeGoneException)
        {
            next = LockEntry() ? every : SoonAgain;
        }
        catch (Exception e) when (e is DatasetCacheException or NodeLostException or ObjectDisposedException)
        {
            // Tried again soon: a third of the lease's time is left twice.
        }
        lock (gate)
        {
            if (!ended)
                timer.Change(next, Timeout.InfiniteTimeSpan);
        }
    }

    private async Task<bool> TakeAnewAsync()
    {
        if (await node.AskAsync(request, progress: null, CancellationToken.None) is not { Lease: { } lease } || !string.Equals(lease.CacheKey, cacheKey, StringComparison.Ordinal))
            return false;
        lock (gate)
        {
            if (!ended)
            {
                Id = lease.Id;
                return true;
            }
        }
        node.EndLease(lease.Id);
        return true;
    }

    private bool LockEntry()
    {
        lock (gate)
        {
            if (!ended)
                locked ??= node.TryLease(cacheKey);
            return locked is not null;
        }
    }
}
