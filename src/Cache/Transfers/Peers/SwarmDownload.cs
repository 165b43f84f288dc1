using System.Runtime.ExceptionServices;
using DatasetCache.Coordination;
using DatasetCache.Origins;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>
/// Fetches what a plan's files lack, together with other nodes: does what a <see cref="SwarmMember"/> says, and tells it what came of it. Many transfers at once; the member
/// is called by one at a time.
/// </summary>
internal sealed partial class SwarmDownload
{
    // An Orleans call that hangs is given up by the member long before; this is when its task is.
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan SettlingTime = TimeSpan.FromSeconds(30);
    private readonly Lock gate = new();
    private readonly SemaphoreSlim changed = new(0, 1);
    private readonly Dictionary<(int Piece, string? Source), CancellationTokenSource> running = [];
    private readonly List<Task> tasks = [];
    private readonly PlacedPlan plan;
    private readonly StagingArea staging;
    private readonly OriginDownload origin;
    private readonly IDatasetCoordinator coordinator;
    private readonly IPeerReader peers;
    private readonly TransferMeter meter;
    private readonly TimeProvider time;
    private readonly IReadOnlyList<uint> expected;
    private readonly SwarmMember member;
    private readonly long started;
    private Exception? broken;
    private OriginException? originFailure;

    /// <param name="manifest">Digest of what was agreed on.</param>
    /// <param name="onlyWanted">It fetches what <see cref="WantAsync"/> names, and nothing else.</param>
    /// <param name="expected">The checksum of every piece where an entry's manifest says it; empty otherwise.</param>
    public SwarmDownload(
        Peer self, string manifest, PlacedPlan plan, StagingArea staging, OriginDownload origin, IDatasetCoordinator coordinator, IPeerReader peers, IReadOnlyList<uint> expected, MemberOptions options, TransferMeter meter, TimeProvider time,
        bool onlyWanted = false)
    {
        this.plan = plan;
        this.staging = staging;
        this.origin = origin;
        this.coordinator = coordinator;
        this.peers = peers;
        this.expected = expected;
        this.meter = meter;
        this.time = time;
        started = time.GetTimestamp();
        var held = plan.Held();
        var checksums = Enumerable.Range(0, held.Size).Where(held.Contains).Select(plan.Checksum).ToArray();
        member = new SwarmMember(self, Guid.NewGuid(), manifest, plan.Plan.Digest, held, checksums, plan.Partial(), expected, options, Random.Shared.Next(), SessionStart.Next(time), onlyWanted);
        isReader = onlyWanted;
        fromPeer = new bool[plan.Plan.Count];
    }

    private TimeSpan Now => time.GetElapsedTime(started);

    /// <summary>All that is known here, for a coordinator that asks.</summary>
    public MemberReport Describe()
    {
        lock (gate)
            return member.Describe();
    }

    /// <summary>Pieces that are being read from the origin.</summary>
    public int OpenClaims
    {
        get
        {
            lock (gate)
                return running.Keys.Count(transfer => transfer.Source is null);
        }
    }

    /// <exception cref="OriginException">The origin failed, or has something else by now (<see cref="OriginFailure.Changed"/>).</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, ended.Token);
        stopped = stop.Token;
        var stays = false;
        try
        {
            while (true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                MemberStep step;
                lock (gate)
                {
                    if (broken is not null)
                        ExceptionDispatchInfo.Throw(broken);
                    // Not before what was written down by them is known to be right or wrong.
                    if (isEnding && (running.Count == 0 || ended.IsCancellationRequested))
                        return;
                    step = member.Step(Now);
                    Perform(step, stop.Token);
                    Answer();
                }
                foreach (var piece in step.Hurry)
                    Hurry(piece);
                switch (step.Outcome)
                {
                    case MemberOutcome.Done:
                        stays = true;
                        Settled = Task.Run(() => SettleAsync(step), CancellationToken.None);
                        return;
                    case MemberOutcome.Superseded:
                        throw new OriginException(OriginFailure.Changed, "Another node found that the source has changed.");
                    case MemberOutcome.Hopeless:
                        throw originFailure ?? new OriginException(OriginFailure.Network, $"No node of the cluster could read piece {step.HopelessPiece} of {plan.Plan.Digest} from the origin.");
                }
                await changed.WaitAsync(step.Pause == Timeout.InfiniteTimeSpan || step.Pause > TimeSpan.Zero ? step.Pause : TimeSpan.FromMilliseconds(1), cancellationToken);
            }
        }
        catch (Exception e)
        {
            Fail(e);
            throw;
        }
        finally
        {
            Fail(new OperationCanceledException());
            await stop.CancelAsync();
            Task[] left;
            lock (gate)
                left = [.. tasks];
            await Task.WhenAll(left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var transfer in running.Values)
                transfer.Dispose();
            if (!stays)
                await TellAsync(Leaving(staysAsSource: isEnding));
        }
    }

    /// <summary>Done when the coordinator knows that all is here, or nobody could be told for a while. Nobody waits for it.</summary>
    public Task Settled { get; private set; } = Task.CompletedTask;

    private async Task SettleAsync(MemberStep step)
    {
        for (var end = Now + SettlingTime; Now < end; step = Next())
        {
            if (step.Report is { } report)
                await ReportAsync(report, CancellationToken.None);
            else if (step.Pause == Timeout.InfiniteTimeSpan)
                return;
            else
                await Task.Delay(step.Pause > TimeSpan.Zero ? step.Pause : TimeSpan.FromMilliseconds(1), time);
        }

        MemberStep Next()
        {
            lock (gate)
                return member.Step(Now);
        }
    }

    private MemberReport Leaving(bool staysAsSource)
    {
        lock (gate)
            return member.Leave(staysAsSource);
    }

    // The last word. Where it does not arrive, the claims lapse.
    private async Task TellAsync(MemberReport report)
    {
        try
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1), time);
            await coordinator.ReportAsync(report, patience.Token);
        }
        catch (Exception e) when (e is CoordinatorUnavailableException or OperationCanceledException)
        {
            // As said.
        }
    }

    // With the gate held: nothing here waits.
    private void Perform(MemberStep step, CancellationToken stop)
    {
        tasks.RemoveAll(task => task.IsCompleted);
        foreach (var piece in step.Discard)
            Discard(piece);
        foreach (var cancelled in step.Cancel)
        {
            // The other pieces of its run go on.
            if (running.Remove((cancelled.Piece, cancelled.Source), out var transfer) && !running.ContainsValue(transfer))
                transfer.Cancel();
        }
        if (step.Outcome != MemberOutcome.Working)
            return;
        foreach (var run in step.Start)
        {
            if (isEnding)
            {
                for (var piece = run.First; piece < run.First + run.Count; piece++)
                    member.Failed(piece, run.Source?.Node, PieceFailure.Returned, Now);
                continue;
            }
            // What came while nobody could tell whether it is right proves nothing about itself.
            for (var piece = run.First; run.Source is null && piece < run.First + run.Count; piece++)
            {
                if (plan.Has(piece) && !member.IsProven(piece))
                    Discard(piece);
            }
            var transfer = CancellationTokenSource.CreateLinkedTokenSource(stop);
            for (var piece = run.First; piece < run.First + run.Count; piece++)
            {
                running[(piece, run.Source?.Node)] = transfer;
                fromPeer[piece] = run.Source is not null;
            }
            tasks.Add(Task.Run(() => TransferAsync(run, transfer), CancellationToken.None));
        }
        if (step.Report is { } report)
            tasks.Add(Task.Run(() => ReportAsync(report, stop), CancellationToken.None));
        foreach (var peer in step.AskHeld)
            tasks.Add(Task.Run(() => AskHeldAsync(peer, stop), CancellationToken.None));
    }

    private void Tell(Action input)
    {
        lock (gate)
            input();
        Wake();
    }

    private void Wake()
    {
        try
        {
            changed.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is awake.
        }
    }

    private async Task ReportAsync(MemberReport report, CancellationToken cancellationToken)
    {
        try
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            patience.CancelAfter(CallTimeout);
            var reply = await coordinator.ReportAsync(report, patience.Token);
            Tell(() => member.Replied(reply, Now));
        }
        catch (Exception e) when (e is CoordinatorUnavailableException or OperationCanceledException)
        {
            Tell(() => member.Unavailable(Now));
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    private async Task AskHeldAsync(Peer peer, CancellationToken cancellationToken)
    {
        try
        {
            var held = await peers.ReadHeldAsync(peer, plan.Plan.Digest, plan.Plan.Count, cancellationToken);
            Tell(() => member.NeighbourHolds(peer, held, Now));
        }
        catch (Exception e) when (e is PeerException or OperationCanceledException)
        {
            Tell(() => member.NeighbourHolds(peer, pieces: null, Now));
        }
        catch (Exception e)
        {
            Break(e);
        }
    }

    // Something that no other node mends: a full disk, a bug. The download ends with it.
    private void Break(Exception e)
    {
        lock (gate)
            broken ??= e;
        Wake();
    }
}
