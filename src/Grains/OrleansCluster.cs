using DatasetCache.Coordination;
using DatasetCache.Transfers.Peers;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Grains;

/// <summary>The cluster as this node's cache sees it: coordinators are grains, other nodes are asked by their data planes.</summary>
internal sealed class OrleansCluster(IGrainFactory grains, Peer self, IPeerReader peers, TimeProvider time, ILogger<OrleansCluster> logger, TimeSpan? callTimeout = null) : ICluster
{
    /// <summary>A coordinator answers from memory. Whoever takes longer is gone, or about to be found so.</summary>
    public static readonly TimeSpan DefaultCallTimeout = TimeSpan.FromSeconds(1);

    public Peer Self => self;

    public IPeerReader Peers => peers;

    public IDatasetCoordinator Coordinator(string key) => new GrainCoordinator(key, grains.GetGrain<IDatasetGrain>(key), time, logger, callTimeout ?? DefaultCallTimeout);
}

/// <summary>A dataset's grain as the engine calls it.</summary>
internal sealed partial class GrainCoordinator(string key, IDatasetGrain grain, TimeProvider time, ILogger logger, TimeSpan timeout) : IDatasetCoordinator
{
    public Task<ManifestReply> ManifestAsync(ManifestRequest request, CancellationToken cancellationToken)
        => CallAsync(request.ToMessage(), grain.ManifestAsync, reply => reply.ToReply(), cancellationToken);

    public Task<MemberReply> ReportAsync(MemberReport report, CancellationToken cancellationToken)
        => CallAsync(report.ToMessage(), grain.ReportAsync, reply => reply.ToReply(), cancellationToken);

    public Task<ReplicaReply> ReplicaAsync(ReplicaReport report, CancellationToken cancellationToken)
        => CallAsync(report.ToMessage(), grain.ReplicaAsync, reply => reply.ToReply(), cancellationToken);

    public Task<EvictionReply> EvictAsync(EvictionRequest request, CancellationToken cancellationToken)
        => CallAsync(request.ToMessage(), grain.EvictAsync, reply => reply.ToReply(), cancellationToken);

    private async Task<TReply> CallAsync<TMessage, TAnswer, TReply>(
        TMessage message, Func<TMessage, CancellationToken, Task<TAnswer>> call, Func<TAnswer, TReply> translate, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            // The grain's calls are short: nobody has to tell it that the answer is not waited for any more.
            return translate(await call(message, CancellationToken.None).WaitAsync(timeout, time, cancellationToken));
        }
        catch (TimeoutException e)
        {
            Unavailable(logger, key, e);
            throw new CoordinatorUnavailableException($"The coordinator of {key} did not answer within {timeout.TotalSeconds:0.#} s.", e);
        }
        catch (Exception e) when (e is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            Unavailable(logger, key, e);
            throw new CoordinatorUnavailableException($"The coordinator of {key} cannot be reached: {e.Message}", e);
        }
    }

    [LoggerMessage(111, LogLevel.Debug, "The coordinator of {Key} cannot be reached")]
    private static partial void Unavailable(ILogger logger, string key, Exception exception);
}
