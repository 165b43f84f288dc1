using DatasetCache.Coordination;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Xunit;

namespace DatasetCache.Grains.Tests.Contracts;

public sealed class TranslationTests
{
    private static readonly Epoch Seen = new(7, 3, Guid.NewGuid());

    [Fact]
    public void A_report_arrives_as_it_was_sent()
    {
        var held = new PieceSet(130);
        held.Add(0);
        held.Add(129);
        var report = new MemberReport
        {
            From = new Peer("n1", "10.0.0.1:4681"),
            Session = Guid.NewGuid(),
            Sequence = 5,
            Seen = Seen,
            Manifest = "manifest",
            Plan = "plan",
            Pieces = 130,
            Held = held,
            Checksums = [1, uint.MaxValue],
            Claims = [2, 3],
            Partial = [new PartialPiece(4, 100)],
            Completed = [new CompletedPiece(5, 9, "n2"), new CompletedPiece(6, 8, Source: null)],
            Failed = [new FailedPiece(7, "n3", PieceFailure.WrongBytes)],
            Slots = 32,
            Leaves = true,
            StaysAsSource = true,
            Urgent = [9, 1],
            OnlyUrgent = true,
            Answered = 4,
            Unproven = [new CompletedPiece(8, 7, "n4")],
            HeldCount = 2,
            Started = 638_000_000_000_000_000,
        };
        // Whatever is added to a report and left out here could be lost on its way unnoticed.
        Assert.All(typeof(MemberReport).GetProperties().Where(property => property.CanWrite), property =>
            Assert.NotEqual(property.PropertyType.IsValueType ? Activator.CreateInstance(property.PropertyType) : null, property.GetValue(report)));

        var arrived = Travel(report.ToMessage()).ToReport();

        Assert.Equal(held.Words, arrived.Held!.Words);
        Assert.Equivalent(report with { Held = null }, arrived with { Held = null }, strict: true);
    }

    [Fact]
    public void A_reply_arrives_as_it_was_sent()
    {
        var reply = new MemberReply
        {
            Epoch = Seen,
            Sequence = 9,
            Resync = true,
            Superseded = true,
            Assignments = [new Assignment(1, 2, new Peer("n2", "10.0.0.2:1"), [5, 6]), new Assignment(4, 8, Source: null, [])],
            Dropped = [3],
            Proven = [1],
            Refuted = [2],
            Neighbours = [new Peer("n3", "10.0.0.3:1")],
            Pause = TimeSpan.FromMilliseconds(20),
            HopelessPiece = 0,
            Urgent = [7],
        };

        Assert.Equivalent(reply, Travel(reply.ToMessage()).ToReply(), strict: true);
    }

    [Fact]
    public void An_empty_reply_arrives_with_empty_lists()
    {
        var arrived = Travel(new MemberReply { Epoch = Seen }.ToMessage()).ToReply();

        Assert.Empty(arrived.Assignments);
        Assert.Empty(arrived.Neighbours);
        Assert.Empty(arrived.Proven);
        Assert.Null(arrived.HopelessPiece);
    }

    private static T Travel<T>(T message)
        where T : class
    {
        using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer>();
        return serializer.Deserialize<T>(serializer.SerializeToArray(message))!;
    }
}
