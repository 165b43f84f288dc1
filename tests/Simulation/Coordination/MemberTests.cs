using DatasetCache.Coordination;

namespace DatasetCache.Simulation.Coordination;

public sealed class MemberTests
{
    private static readonly Epoch Own = new(5, 1, Guid.Empty);
    private static readonly Peer Other = new("b", "b:1");

    private readonly SwarmMember member = new(new Peer("a", "a:1"), Guid.NewGuid(), "listing", "plan", new PieceSet(4), [], [], [], new MemberOptions(), 1);
    private TimeSpan now = TimeSpan.FromSeconds(100);

    [Fact]
    public void It_begins_with_a_full_report_and_one_call_at_a_time()
    {
        Assert.NotNull(member.Step(now).Report?.Held);
        Assert.Null(member.Step(now).Report);
    }

    [Fact]
    public void An_older_activation_is_not_obeyed()
    {
        Answer(new Assignment(0, 1, null, []));
        now += TimeSpan.FromSeconds(1);
        var report = member.Step(now).Report!;
        member.Replied(new MemberReply { Epoch = Own with { Counter = 0 }, Sequence = report.Sequence, Assignments = [new Assignment(1, 1, null, [])] }, now);
        Assert.Empty(member.Step(now).Start);
    }

    [Fact]
    public void The_answer_to_a_report_that_was_given_up_gives_nothing()
    {
        var report = member.Step(now).Report!;
        member.Unavailable(now);
        member.Replied(new MemberReply { Epoch = Own, Sequence = report.Sequence, Assignments = [new Assignment(1, 1, null, [])] }, now);
        Assert.Empty(member.Step(now).Start);
    }

    [Fact]
    public void What_was_not_answered_is_said_again()
    {
        Answer(new Assignment(0, 1, null, []));
        Assert.True(member.Completed(0, 7, source: null, now));
        Assert.Single(member.Step(now).Report!.Completed);
        member.Unavailable(now);
        now += TimeSpan.FromSeconds(2);
        Assert.Single(member.Step(now).Report!.Completed);
    }

    [Fact]
    public void Without_a_coordinator_it_takes_from_neighbours_and_nothing_new_from_the_origin_until_that_is_proven()
    {
        Answer();
        now += TimeSpan.FromSeconds(1);
        var report = member.Step(now).Report!;
        now += TimeSpan.FromMilliseconds(600);
        Assert.Equal([Other], member.Step(now).AskHeld);
        member.NeighbourHolds(Other, PieceSet.Full(4), now);
        var start = member.Step(now).Start;
        Assert.All(start, run => Assert.Equal(Other, run.Source));
        foreach (var run in start)
            Assert.True(member.Completed(run.First, 7, "b", now));
        Assert.Equal(MemberOutcome.Working, member.Step(now).Outcome);
        Assert.False(member.IsProven(0));
        member.Unavailable(now);
        now += TimeSpan.FromSeconds(2);
        report = member.Step(now).Report!;
        Assert.Equal(4, report.Unproven.Count);
        member.Replied(new MemberReply { Epoch = Own, Sequence = report.Sequence, Proven = [0, 1, 2], Refuted = [3] }, now);
        Assert.Equal([3], member.Step(now).Discard);
        Assert.True(member.IsProven(0));
    }

    [Fact]
    public void A_reader_asks_for_what_is_wanted_and_reads_it_alone_when_nobody_has_coordinated_for_long()
    {
        var reader = new SwarmMember(new Peer("a", "a:1"), Guid.NewGuid(), "listing", "plan", new PieceSet(4), [], [], [], new MemberOptions(), 1, onlyWanted: true);
        var first = reader.Step(now).Report!;
        Assert.True(first.OnlyUrgent);
        reader.Replied(new MemberReply { Epoch = Own, Sequence = first.Sequence, Neighbours = [Other], Pause = TimeSpan.FromSeconds(1) }, now);
        reader.Want([2, 1]);
        Assert.Equal([2, 1], reader.Step(now).Report!.Urgent);
        reader.Unavailable(now);
        now += TimeSpan.FromSeconds(9);
        var step = reader.Step(now);
        Assert.Empty(step.Start);
        // What only its sender vouches for is nothing for a reader.
        Assert.Empty(step.AskHeld);
        now += TimeSpan.FromSeconds(2);
        Assert.Equal([2, 1], reader.Step(now).Start.Select(run => run.Source is null ? run.First : -1));
        Assert.True(reader.Completed(2, 7, source: null, now));
        reader.Failed(1, source: null, PieceFailure.Origin, now);
        reader.Unavailable(now);
        now += TimeSpan.FromSeconds(2);
        var report = reader.Step(now).Report!;
        Assert.Empty(report.Urgent);
        Assert.Equal(PieceFailure.Returned, Assert.Single(report.Failed).Failure);
    }

    [Fact]
    public void Wrong_bytes_are_not_kept_and_are_told()
    {
        Answer(new Assignment(0, 1, Other, [7]));
        Assert.False(member.Completed(0, 8, "b", now));
        Assert.False(member.Held.Contains(0));
        now += TimeSpan.FromSeconds(2);
        Assert.Equal(PieceFailure.WrongBytes, Assert.Single(member.Step(now).Report!.Failed).Failure);
    }

    [Fact]
    public void The_first_of_two_sources_cancels_the_other()
    {
        Answer(new Assignment(0, 1, Other, [7]), new Assignment(0, 1, new Peer("c", "c:1"), [7]));
        Assert.True(member.Completed(0, 7, "c", now));
        Assert.Equal([new CancelledPiece(0, "b")], member.Step(now).Cancel);
    }

    private void Answer(params Assignment[] assignments)
    {
        var report = member.Step(now).Report!;
        member.Replied(new MemberReply { Epoch = Own, Sequence = report.Sequence, Assignments = assignments, Neighbours = [Other], Pause = TimeSpan.FromMilliseconds(100) }, now);
        member.Step(now);
    }
}
