using DatasetCache.Eviction;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Files;
using DatasetCache.Integrity;

namespace DatasetCache.Http.Api.Cluster;

/// <summary>On the node that is asked.</summary>
internal sealed class LocalNodeActions(INodeService node) : INodeActions
{
    public Task<EntryDocument?> InspectAsync(string cacheKey, CancellationToken cancellationToken)
    {
        var entry = node.Inspect(cacheKey) is { } there ? EntryText.Of(node, there)
            : NodeCell.Downloading(node).FirstOrDefault(cell => string.Equals(cell.CacheKey, cacheKey, StringComparison.Ordinal)) is { } cell ? EntryText.Of(cell) : null;
        return Task.FromResult(entry is null ? null : entry with
        {
            Work = [.. node.Status().Working
                .Where(work => string.Equals(work.Progress?.EntryKey, cacheKey, StringComparison.Ordinal) || string.Equals(work.Verifying?.CacheKey, cacheKey, StringComparison.Ordinal))
                .Select(ApiText.Of)],
        });
    }

    public Task<FilesDocument?> FilesAsync(string cacheKey, string? after, int limit, CancellationToken cancellationToken)
        // One more shows whether there are any.
        => Task.FromResult(node.Files(cacheKey, after, limit + 1) is { } files ? FilesDocument.Of(files.Take(limit), files.Count > limit) : null);

    public Task<bool> PinAsync(string cacheKey, CancellationToken cancellationToken) => Task.FromResult(node.Pin(cacheKey));

    public Task<bool> UnpinAsync(string cacheKey, CancellationToken cancellationToken) => Task.FromResult(node.Has(cacheKey) && (node.Unpin(cacheKey) || node.Has(cacheKey)));

    public Task<bool> SetPriorityAsync(string cacheKey, EntryPriority priority, CancellationToken cancellationToken) => Task.FromResult(node.SetPriority(cacheKey, priority));

    public Task<WorkDocument?> VerifyAsync(string cacheKey, VerifyLevel level, bool heal, string? ticket, CancellationToken cancellationToken)
        => Task.FromResult(node.Has(cacheKey) ? ApiText.Of(node.Verify(ticket, cacheKey, level, heal)) : null);

    public async Task<EvictedDocument?> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken) => EntryText.Of(await node.EvictAsync(cacheKey, dryRun, cancellationToken));

    public async Task<WorkDocument> WarmAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken) => ApiText.Of(await node.AcquireAsync(request, wait, cancellationToken));

    public async Task<WorkDocument?> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken)
        => await node.FollowAsync(ticket, wait, cancellationToken) is { State: not NodeWorkState.Unknown } work ? ApiText.Of(work) : null;
}
