using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Grains;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;
using DatasetCache.Http.Files;
using DatasetCache.Integrity;

namespace DatasetCache.Silo.Running;

/// <summary>On another node, by way of its grain.</summary>
internal sealed class OrleansNodeActions(string name, INodeGrain node) : INodeActions
{
    // An eviction deletes files; whatever else takes long is only started.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public Task<EntryDocument?> InspectAsync(string cacheKey, CancellationToken cancellationToken)
        => AskAsync(async () => await node.InspectAsync(cacheKey) is { } detail ? NodeMessagesText.Of(detail) : null, cancellationToken);

    public Task<FilesDocument?> FilesAsync(string cacheKey, string? after, int limit, CancellationToken cancellationToken) => AskAsync(async () =>
        await node.FilesAsync(cacheKey, after, limit) is { } files
            ? FilesDocument.Of(files.Files.Select(file => new ManifestFile(file.Path, file.Size, file.ETag)), files.Next is not null)
            : null, cancellationToken);

    public Task<bool> PinAsync(string cacheKey, CancellationToken cancellationToken) => AskAsync(() => node.PinAsync(cacheKey), cancellationToken);

    public Task<bool> UnpinAsync(string cacheKey, CancellationToken cancellationToken)
        => AskAsync(async () => await node.HasAsync(cacheKey) && (await node.UnpinAsync(cacheKey) || await node.HasAsync(cacheKey)), cancellationToken);

    public Task<bool> SetPriorityAsync(string cacheKey, EntryPriority priority, CancellationToken cancellationToken)
        => AskAsync(() => node.SetPriorityAsync(cacheKey, (PriorityMessage)priority), cancellationToken);

    public Task<WorkDocument?> VerifyAsync(string cacheKey, VerifyLevel level, bool heal, string? ticket, CancellationToken cancellationToken) => AskAsync(async () =>
        await node.HasAsync(cacheKey)
            ? NodeMessagesText.Of(await node.VerifyAsync(new VerifyMessage(cacheKey, ticket ?? NodeMessagesText.NewTicket(), (VerifyLevelMessage)level, heal)))
            : null, cancellationToken);

    public Task<EvictedDocument?> EvictAsync(string cacheKey, bool dryRun, CancellationToken cancellationToken)
        => AskAsync(async () => NodeMessagesText.Of(await node.EvictAsync(cacheKey, dryRun, CancellationToken.None)), cancellationToken);

    public Task<WorkDocument> WarmAsync(NodeAcquire request, TimeSpan wait, CancellationToken cancellationToken)
        => AskAsync(async () => NodeMessagesText.Of(await node.PrefetchAsync(NodeMessagesText.ToMessage(request), CancellationToken.None)), cancellationToken);

    public Task<WorkDocument?> FollowAsync(string ticket, TimeSpan wait, CancellationToken cancellationToken)
        => AskAsync(async () => await node.FollowAsync(ticket, CancellationToken.None) is { State: not WorkStateMessage.Unknown } work ? NodeMessagesText.Of(work) : null, cancellationToken);

    private async Task<T> AskAsync<T>(Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        try
        {
            return await ask().WaitAsync(Patience, cancellationToken);
        }
        catch (NodeFailedException e)
        {
            var code = Enum.TryParse<ErrorCode>(e.Failure.Code, out var known) ? known : ErrorCode.Internal;
            throw new NodeException(code, $"{name}: {e.Failure.Message}", e.Failure.Advice, e.Failure.IsWorthRetrying, e);
        }
        catch (UnknownNodeException e)
        {
            throw new NodeUnreachableException(name, isUnknown: true, e.Message, e);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new NodeUnreachableException(name, isUnknown: false, $"The node '{name}' does not answer: {e.Message}", e);
        }
    }
}
