using DatasetCache.Coordination;

namespace DatasetCache.Simulation.Coordination;

public sealed partial class CoordinatorTests
{
    private const int Pieces = 16;

    private static readonly Epoch Own = new(5, 1, Guid.Empty);

    private DatasetCoordinator coordinator = new("key", Own, new CoordinatorOptions(), 1);
    private readonly Dictionary<string, (Guid Session, long Sequence)> sessions = [];
    private TimeSpan now = TimeSpan.FromSeconds(100);

    [Fact]
    public void A_piece_is_given_to_one_node_only()
    {
        Know("a", "b");
        coordinator.Report(Full("b") with { Slots = 0 }, now);
        var first = Claimed(Join("a"));
        var second = Claimed(Report("b"));
        Assert.NotEmpty(first);
        Assert.NotEmpty(second);
        Assert.Empty(first.Intersect(second));
    }

    [Fact]
    public void What_a_lost_reply_gave_out_goes_to_others()
    {
        Know("a", "b");
        Join("a");
        // Not answered: the reply never came.
        Report("a", report => report with { Answered = 0, Slots = 0 });
        Assert.Equal(0, Plan().OriginClaims);
    }

    [Fact]
    public void Who_has_not_heard_that_he_need_not_read_a_piece_reads_it_after_all_when_its_only_holder_is_gone()
    {
        Know("a", "b", "c");
        var claimed = Claimed(Join("a"));
        Assert.Contains(0, claimed);
        Join("b", first: 7);
        Assert.DoesNotContain(0, Claimed(Join("c")));
        Report("b", report => report with { Leaves = true });
        Assert.DoesNotContain(0, Claimed(Report("c")));
        Assert.Empty(Report("a", report => report with { Slots = 0 }).Dropped);
        Assert.DoesNotContain(0, Claimed(Report("c")));
    }

    [Fact]
    public void A_repeated_report_gets_the_same_answer()
    {
        Know("a");
        var report = Full("a");
        var first = coordinator.Report(report, now);
        Assert.Same(first, coordinator.Report(report, now));
        Assert.Equal(Claimed(first).Count, Plan().OriginClaims);
    }

    [Fact]
    public void A_new_session_gives_back_what_the_old_one_claimed()
    {
        Know("a", "b");
        var claimed = Claimed(Join("a"));
        sessions.Remove("a");
        var again = coordinator.Report(Full("a") with { Slots = 0 }, now);
        Assert.Empty(again.Assignments);
        Assert.Equal(0, Plan().OriginClaims);
        Assert.NotEmpty(claimed);
    }

    [Fact]
    public void A_claim_lapses_only_after_its_holder_was_asked_in_vain()
    {
        Know("a", "b");
        Join("a");
        now += TimeSpan.FromSeconds(9);
        Assert.Empty(coordinator.Tick(now));
        now += TimeSpan.FromSeconds(2);
        Assert.Equal(["a"], coordinator.Tick(now));
        Assert.NotEqual(0, Plan().OriginClaims);
        coordinator.Learn("a", holding: null, now);
        Assert.Equal(0, Plan().OriginClaims);
    }

    [Fact]
    public void A_new_coordinator_reads_nothing_from_the_origin_before_the_live_nodes_spoke()
    {
        coordinator.NodesAre(["a", "b"], now);
        Assert.Equal(["a", "b"], coordinator.Tick(now).Order(StringComparer.Ordinal));
        Assert.Empty(Join("a").Assignments);
        coordinator.Learn("a", Holding("a"), now);
        Assert.Empty(Report("a").Assignments);
        // It was reading these when the last coordinator was lost.
        coordinator.Learn("b", Holding("b") with { Downloads = [Full("b") with { Claims = [0, 1, 2] }] }, now);
        var claimed = Claimed(Report("a"));
        Assert.NotEmpty(claimed);
        Assert.DoesNotContain(claimed, piece => piece <= 2);
    }

    [Fact]
    public void Two_seconds_are_waited_for_those_who_do_not_speak()
    {
        coordinator.NodesAre(["a", "b"], now);
        Assert.Empty(Join("a").Assignments);
        now += TimeSpan.FromSeconds(2);
        Assert.NotEmpty(Report("a").Assignments);
    }

    [Fact]
    public void Who_hears_of_a_higher_epoch_gives_nothing_out_any_more()
    {
        Know("a");
        var reply = coordinator.Report(Full("a") with { Seen = Own with { Counter = 2 } }, now);
        Assert.True(coordinator.IsDeposed);
        Assert.Empty(reply.Assignments);
        Assert.Empty(Join("b").Assignments);
        Assert.False(coordinator.Evict(new EvictionRequest(Peer("a"), Epoch.None, Redundant: false), now).Granted);
    }

    [Fact]
    public void A_piece_that_three_nodes_could_not_read_is_hopeless()
    {
        Know("a", "b", "c", "d");
        foreach (var node in (string[])["a", "b", "c", "d"])
            Join(node);
        MemberReply? last = null;
        foreach (var node in (string[])["a", "b", "c"])
            last = Report(node, report => report with { Failed = [new FailedPiece(0, null, PieceFailure.Origin)], Slots = 0 });
        Assert.Equal(0, last!.HopelessPiece);
    }

    [Fact]
    public void Where_two_nodes_disagree_a_third_reads_the_origin_again()
    {
        Know("a", "b", "c");
        Join("a", 0u);
        var second = Join("b", 1u);
        Assert.Contains(0, second.Refuted);
        Assert.Contains(0, Report("a", report => report with { Slots = 0 }).Refuted);
        var third = Claimed(Join("c"));
        Assert.Contains(0, third);
    }

    [Fact]
    public void Who_lacks_least_of_a_piece_reads_it()
    {
        Know("a", "b");
        coordinator.Report(Full("b") with { Slots = 0, Partial = [new PartialPiece(0, 10)] }, now);
        Assert.DoesNotContain(0, Claimed(Join("a")));
    }

    [Fact]
    public void A_late_joiner_gets_everything_from_a_replica()
    {
        Know("a", "b");
        coordinator.Replica(new ReplicaReport { From = Peer("a"), Seen = Epoch.None, CacheKey = "k", Digest = "d", Bytes = 1 }, now);
        var manifest = coordinator.Manifest(new ManifestRequest { From = Peer("b"), Seen = Epoch.None }, now);
        Assert.Equal(ManifestDecision.TakeReplica, manifest.Decision);
        Assert.All(Join("b").Assignments, run => Assert.Equal("a", run.Source?.Node));
    }

    [Fact]
    public void A_withdrawn_replica_is_no_source_of_the_plan_that_it_finished_until_it_says_again_what_it_has()
    {
        Know("a", "b");
        Join("a", 7u);
        Report("a", report => report with { Leaves = true, StaysAsSource = true, Slots = 0 });
        var whole = new ReplicaReport { From = Peer("a"), Seen = Epoch.None, CacheKey = "k", Digest = "d", Bytes = 1 };
        coordinator.Replica(whole, now);
        coordinator.Replica(whole with { Withdrawn = true }, now);
        Assert.All(Join("b").Assignments, run => Assert.Null(run.Source));
        now += TimeSpan.FromSeconds(20);
        sessions.Remove("a");
        Join("a", 7u);
        sessions.Remove("b");
        Assert.Contains(Join("b").Assignments, run => run.Source?.Node == "a");
    }

    [Fact]
    public void A_late_report_of_an_older_session_does_not_displace_a_newer_one()
    {
        Know("a");
        var older = Full("a") with { Started = 1 };
        coordinator.Report(older, now);
        sessions.Remove("a");
        var newer = Full("a") with { Started = 2 };
        var claimed = Claimed(coordinator.Report(newer, now));
        Assert.NotEmpty(claimed);
        Assert.Empty(coordinator.Report(older with { Sequence = 7 }, now).Assignments);
        // One that was never heard of, too.
        Assert.Empty(coordinator.Report(older with { Session = Guid.NewGuid() }, now).Assignments);
        coordinator.Learn("a", Holding("a") with { Downloads = [older with { Session = Guid.NewGuid() }] }, now);
        Assert.Equal(claimed.Count, Plan().OriginClaims);
    }

    [Fact]
    public void A_newer_session_counts_at_once_whatever_its_number()
    {
        Know("a");
        coordinator.Report(Full("a") with { Started = 1 }, now);
        sessions.Remove("a");
        Assert.NotEmpty(Claimed(coordinator.Report(Full("a") with { Started = 2, Sequence = 9 }, now)));
    }

    [Fact]
    public void A_host_whose_clock_was_set_back_is_believed_when_nothing_older_can_come_any_more()
    {
        Know("a");
        coordinator.Report(Full("a") with { Started = 100 }, now);
        sessions.Remove("a");
        Assert.Empty(coordinator.Report(Full("a") with { Started = 50 }, now).Assignments);
        now += TimeSpan.FromSeconds(13);
        Assert.NotEmpty(coordinator.Report(Full("a") with { Started = 50 }, now).Assignments);
    }

    [Fact]
    public void What_one_node_cannot_reach_it_gets_from_others_and_not_from_the_origin()
    {
        Know("a", "b", "c");
        var all = Full("a");
        coordinator.Report(all with { Held = PieceSet.Full(Pieces), Checksums = [.. Enumerable.Repeat(7u, Pieces)], Slots = 0 }, now);
        var reply = Join("b");
        Join("c");
        for (var second = 0; second < 60; second++)
        {
            now += TimeSpan.FromSeconds(1);
            coordinator.Tick(now);
            var failed = reply.Assignments.SelectMany(run => Enumerable.Range(run.First, run.Count)).Select(piece => new FailedPiece(piece, "a", PieceFailure.Unreachable)).ToList();
            Assert.DoesNotContain(reply.Assignments, run => run.Source is null);
            reply = Report("b", report => report with { Failed = failed });
            // It gets one after the other.
            var third = Report("c", report => report with { Slots = 1, Completed = [new CompletedPiece(Math.Min(second / 4, Pieces - 2), 7, "a")] });
            Assert.DoesNotContain(third.Assignments, run => run.Source is null);
            Report("a", report => report with { Slots = 0 });
        }
    }

    [Fact]
    public void What_nobody_can_reach_is_read_again_after_a_while()
    {
        Know("a", "b");
        coordinator.Report(Full("a") with { Held = PieceSet.Full(Pieces), Checksums = [.. Enumerable.Repeat(7u, Pieces)], Slots = 0 }, now);
        var reply = Join("b");
        var waited = 0;
        while (Claimed(reply).Count == 0)
        {
            now += TimeSpan.FromSeconds(1);
            coordinator.Tick(now);
            var failed = reply.Assignments.SelectMany(run => Enumerable.Range(run.First, run.Count)).Select(piece => new FailedPiece(piece, "a", PieceFailure.Unreachable)).ToList();
            reply = Report("b", report => report with { Failed = failed });
            Report("a", report => report with { Slots = 0 });
            Assert.True(++waited < 25, "nothing is read");
        }

        Assert.True(waited >= 10, $"{waited} s");
    }

    [Fact]
    public void Who_sent_wrong_bytes_to_two_is_no_source_for_anybody_for_a_while()
    {
        Know("a", "b", "c", "d");
        coordinator.Report(Full("a") with { Held = PieceSet.Full(Pieces), Checksums = [.. Enumerable.Repeat(7u, Pieces)], Slots = 0 }, now);
        foreach (var node in (string[])["b", "c"])
        {
            var piece = Join(node).Assignments[0].First;
            Report(node, report => report with { Failed = [new FailedPiece(piece, "a", PieceFailure.WrongBytes)], Slots = 0 });
        }

        Assert.DoesNotContain(Join("d").Assignments, run => run.Source?.Node == "a");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_piece_that_its_only_holder_sends_wrong_is_read_again_within_ten_seconds_and_the_others_come_from_there(bool hasDownloaded)
    {
        for (var seed = 1; seed <= 100; seed++)
        {
            coordinator = new("key", Own, new CoordinatorOptions(), seed);
            sessions.Clear();
            Know("a", "b");
            if (hasDownloaded)
            {
                coordinator.Report(Full("a") with { Held = PieceSet.Full(Pieces), Checksums = [.. Enumerable.Repeat(7u, Pieces)], Slots = 0 }, now);
                Report("a", report => report with { Leaves = true, StaysAsSource = true });
            }
            coordinator.Replica(new ReplicaReport { From = Peer("a"), Seen = Epoch.None, CacheKey = "k", Digest = "d1", Bytes = 1 }, now);
            var reply = Join("b");
            var waited = TimeSpan.Zero;
            while (!Claimed(reply).Contains(0))
            {
                Assert.True(waited < TimeSpan.FromSeconds(10), $"seed {seed}: not read");
                Assert.Empty(Claimed(reply));
                var told = reply.Assignments.SelectMany(run => Enumerable.Range(run.First, run.Count)).ToArray();
                (now, waited) = (now + TimeSpan.FromMilliseconds(200), waited + TimeSpan.FromMilliseconds(200));
                coordinator.Tick(now);
                reply = Report("b", report => report with
                {
                    Completed = [.. told.Where(piece => piece != 0).Select(piece => new CompletedPiece(piece, 7, "a"))],
                    Failed = [.. told.Where(piece => piece == 0).Select(piece => new FailedPiece(piece, "a", PieceFailure.WrongBytes))],
                });
            }
        }
    }

    [Fact]
    public void Evictions_are_granted_one_at_a_time_and_never_of_the_last_one_that_is_counted_on()
    {
        Know("a", "b", "c");
        foreach (var node in (string[])["a", "b"])
            coordinator.Replica(new ReplicaReport { From = Peer(node), Seen = Epoch.None, CacheKey = "k", Digest = "d", Bytes = 1 }, now);
        Assert.True(coordinator.Evict(new EvictionRequest(Peer("a"), Epoch.None, Redundant: true), now).Granted);
        Assert.False(coordinator.Evict(new EvictionRequest(Peer("b"), Epoch.None, Redundant: true), now).Granted);
        coordinator.Replica(new ReplicaReport { From = Peer("a"), Seen = Epoch.None, CacheKey = "k", Digest = "d", Bytes = 1, Withdrawn = true }, now);
        Assert.False(coordinator.Evict(new EvictionRequest(Peer("b"), Epoch.None, Redundant: true), now).Granted);
        Assert.True(coordinator.Evict(new EvictionRequest(Peer("b"), Epoch.None, Redundant: false), now).Granted);
    }

    private static Peer Peer(string node) => new(node, node + ":1");

    private static List<int> Claimed(MemberReply reply) => [.. reply.Assignments.Where(run => run.Source is null).SelectMany(run => Enumerable.Range(run.First, run.Count))];

    private PlanState Plan() => coordinator.State(now).Plans[0];

    private void Know(params string[] nodes)
    {
        coordinator.NodesAre(nodes, now);
        foreach (var node in coordinator.Tick(now))
            coordinator.Learn(node, Holding(node), now);
    }

    private static NodeHolding Holding(string node) => new() { From = Peer(node), Seen = Epoch.None };

    private ManifestReply Ask(string node) => coordinator.Manifest(new ManifestRequest { From = Peer(node), Seen = Epoch.None }, now);

    private MemberReport Full(string node)
    {
        if (!sessions.ContainsKey(node))
            sessions[node] = (Guid.NewGuid(), 1);
        return new MemberReport
        {
            From = Peer(node),
            Session = sessions[node].Session,
            Sequence = sessions[node].Sequence,
            Seen = Epoch.None,
            Manifest = "d1",
            Plan = "plan",
            Pieces = Pieces,
            Held = new PieceSet(Pieces),
            Slots = 32,
        };
    }

    private MemberReply Join(string node, uint? first = null)
    {
        var report = Full(node);
        if (first is { } checksum)
        {
            report.Held!.Add(0);
            report = report with { Checksums = [checksum], Slots = 0 };
        }

        return coordinator.Report(report, now);
    }

    private MemberReply Report(string node, Func<MemberReport, MemberReport>? change = null)
    {
        var (session, sequence) = sessions[node];
        sessions[node] = (session, sequence + 1);
        var report = Full(node) with { Held = null, Answered = sequence };
        return coordinator.Report(change is null ? report : change(report), now);
    }
}
