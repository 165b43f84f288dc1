using DatasetCache.Grains;

namespace DatasetCache.Client;

/// <summary>A node's lease, renewed for as long as it is not disposed; one that the node does not know any more is taken anew.</summary>
internal sealed class LeaseRenewal : IAsyncDisposable
{
    private static readonly TimeSpan SoonAgain = TimeSpan.FromSeconds(1);

    private readonly DatasetCacheClient client;
    private readonly AcquireRequest request;
    private readonly CancellationTokenSource ending = new();
    private readonly Task renewing;
    private LeaseMessage lease;

    public LeaseRenewal(DatasetCacheClient client, TimeProvider time, AcquireRequest request, LeaseMessage lease)
    {
        this.client = client;
        this.request = request with { Refresh = false, Hold = null };
        this.lease = lease;
        renewing = RenewAsync(time);
    }

    public string Id => lease.Id;

    public async ValueTask DisposeAsync()
    {
        if (ending.IsCancellationRequested)
            return;
        await ending.CancelAsync();
        await renewing;
        ending.Dispose();
        await client.EndLeaseAsync(lease.Id);
    }

    private async Task RenewAsync(TimeProvider time)
    {
        var next = lease.Ttl / 3;
        while (true)
        {
            try
            {
                await Task.Delay(next, time, ending.Token);
                next = await client.RenewAsync(lease.Id, ending.Token) || await TakeAnewAsync() ? lease.Ttl / 3 : SoonAgain;
            }
            catch (OperationCanceledException) when (ending.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DatasetCacheException or ObjectDisposedException)
            {
                next = SoonAgain;
            }
        }
    }

    private async Task<bool> TakeAnewAsync()
    {
        var ready = await client.AskAsync(request, progress: null, ending.Token);
        if (ready.Lease is not { } taken)
            return false;
        if (string.Equals(taken.CacheKey, lease.CacheKey, StringComparison.Ordinal))
        {
            lease = taken;
            return true;
        }
        // A mutable dataset is another by now.
        await client.EndLeaseAsync(taken.Id);
        return false;
    }
}
