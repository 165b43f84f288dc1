using System.Collections.Immutable;
using DatasetCache.Coordination;
using Microsoft.Extensions.Logging;
using Orleans.Placement;

namespace DatasetCache.Grains;

/// <summary>
/// The place in the cluster where a dataset's <see cref="DatasetCoordinator"/> lives. All its state is soft: a new activation asks the live nodes what they hold, and answers
/// meanwhile. Its epoch is chosen at the first call, which brings what its node has heard of.
/// </summary>
[ResourceOptimizedPlacement]
internal sealed partial class DatasetGrain(
    IClusterMembershipService membership, DatasetEpochs epochs, CoordinatorOptions options, ILocalSiloDetails silo, TimeProvider time, ILogger<DatasetGrain> logger)
    : Grain, IDatasetGrain
{
    // As long as the coordinator itself waits at most before it gives out origin reads.
    private static readonly TimeSpan AskTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LearningStep = TimeSpan.FromMilliseconds(50);

    private readonly long started = time.GetTimestamp();
    private readonly CancellationTokenSource stopping = new();
    private DatasetCoordinator? coordinator;
    private MembershipVersion known = MembershipVersion.MinValue;

    private TimeSpan Now => time.GetElapsedTime(started);

    private string Key => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(
            _ =>
            {
                Tick();
                return Task.CompletedTask;
            },
            new GrainTimerCreationOptions(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1)) { Interleave = true });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => stopping.CancelAsync();

    public Task<ManifestReplyMessage> ManifestAsync(ManifestRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var asked = request.ToRequest();
        return Answer(asked.Seen, coordinator => coordinator.Manifest(asked, Now).ToMessage());
    }

    public Task<MemberReplyMessage> ReportAsync(MemberReportMessage report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        var said = report.ToReport();
        return Answer(said.Seen, coordinator => coordinator.Report(said, Now).ToMessage());
    }

    public Task<ReplicaReplyMessage> ReplicaAsync(ReplicaReportMessage report, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(report);
        var said = report.ToReport();
        return Answer(said.Seen, coordinator => coordinator.Replica(said, Now).ToMessage());
    }

    public Task<EvictionReplyMessage> EvictAsync(EvictionRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var asked = request.ToRequest();
        return Answer(asked.Seen, coordinator => coordinator.Evict(asked, Now).ToMessage());
    }

    public async Task<ImmutableArray<DatasetReplica>> GetReplicasAsync(CancellationToken cancellationToken) => (await LearnedAsync()).Replicas;

    public async Task<DatasetState> GetState() => await LearnedAsync();

    // A new activation knows nothing: to say so would be taken for an answer.
    private async Task<DatasetState> LearnedAsync()
    {
        var asked = Now;
        while (true)
        {
            var state = Coordinator(Epoch.None).State(Now);
            if (!state.IsLearning || Now - asked > AskTimeout)
                return state.ToMessage(silo.Name, Now);
            await Task.Delay(LearningStep, time);
        }
    }

    private Task<T> Answer<T>(Epoch seen, Func<DatasetCoordinator, T> answer)
    {
        var here = Coordinator(seen);
        var reply = answer(here);
        EndIfDeposed();
        return Task.FromResult(reply);
    }

    private DatasetCoordinator Coordinator(Epoch seen)
    {
        epochs.Note(Key, seen);
        var snapshot = membership.CurrentSnapshot;
        if (coordinator is null)
        {
            var epoch = epochs.Next(Key, snapshot.Version.Value);
            coordinator = new DatasetCoordinator(Key, epoch, options, epoch.Activation.GetHashCode());
            Coordinates(Key, epoch);
            Refresh(snapshot);
            Ask(coordinator.Tick(Now));
        }
        else if (snapshot.Version != known)
        {
            Refresh(snapshot);
        }
        return coordinator;
    }

    private void Refresh(ClusterMembershipSnapshot snapshot)
    {
        known = snapshot.Version;
        coordinator!.NodesAre([.. snapshot.LiveNodes().Keys], Now);
    }

    private void Tick()
    {
        if (coordinator is null)
            return;
        Ask(Coordinator(Epoch.None).Tick(Now));
        EndIfDeposed();
    }

    private void Ask(IReadOnlyList<string> nodes)
    {
        foreach (var node in nodes)
            AskAsync(node).Ignore();
    }

    // On this activation's own scheduler: its answers come one at a time, between calls.
    private async Task AskAsync(string node)
    {
        NodeHolding? holding = null;
        try
        {
            var answer = await GrainFactory.GetGrain<INodeGrain>(node).DescribeAsync(Key, stopping.Token).WaitAsync(AskTimeout, time, stopping.Token);
            holding = answer.ToHolding();
            epochs.Note(Key, holding.Seen);
        }
        catch (Exception e) when (!stopping.IsCancellationRequested)
        {
            DoesNotAnswer(Key, node, e.Message);
        }
        catch (OperationCanceledException)
        {
            return;
        }
        coordinator!.Learn(node, holding, Now);
        EndIfDeposed();
    }

    private void EndIfDeposed()
    {
        if (!coordinator!.IsDeposed)
            return;
        GivesUp(Key, coordinator.Epoch);
        DeactivateOnIdle();
    }

    [LoggerMessage(101, LogLevel.Information, "Coordinates {Key} in the epoch {Epoch}")]
    private partial void Coordinates(string key, Epoch epoch);

    [LoggerMessage(102, LogLevel.Information, "Gives up coordinating {Key}: a node heard of a higher epoch than {Epoch}")]
    private partial void GivesUp(string key, Epoch epoch);

    [LoggerMessage(103, LogLevel.Debug, "{Node} does not say what it holds of {Key}: {Reason}")]
    private partial void DoesNotAnswer(string key, string node, string reason);
}
