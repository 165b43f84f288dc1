using System.Diagnostics;
using DatasetCache.Coordination;

namespace DatasetCache.Simulation;

/// <summary>What a decision costs at a million pieces. Prints; nothing here depends on the machine's speed.</summary>
public sealed class CostTests(ITestOutputHelper output)
{
    private const int Pieces = 1_000_000;
    private const int Nodes = 16;

    // Prints and asserts nothing about time: run it with -explicit only.
    [Theory(Explicit = true)]
    [InlineData(0, 0)]
    [InlineData(0, 990_000)]
    [InlineData(1_000_000, 0)]
    public void A_decision_at_a_million_pieces(int partial, int held)
    {
        var now = TimeSpan.FromSeconds(1);
        var coordinator = new DatasetCoordinator("key", new Epoch(1, 1, Guid.Empty), new CoordinatorOptions(), 1);
        var members = Enumerable.Range(0, Nodes).Select(number => new SwarmMember(
            new Peer($"n{number}", $"n{number}:1"),
            Guid.NewGuid(),
            "listing",
            "plan",
            new PieceSet(Pieces, [.. Enumerable.Repeat(ulong.MaxValue, held / 64)]),
            [.. Enumerable.Range(0, held / 64 * 64).Select(piece => (uint)piece)],
            number == 0 ? [.. Enumerable.Range(0, partial).Select(piece => new PartialPiece(piece, 10))] : [],
            [],
            new MemberOptions(),
            number,
            number + 1)).ToList();
        coordinator.NodesAre([.. members.Select((_, number) => $"n{number}")], now);
        now += TimeSpan.FromSeconds(3);
        var work = members.Select(_ => new List<Assignment>()).ToList();
        var (decided, stepped, longest, first) = (TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero);
        var decisions = 0;
        for (var round = 0; round < 3000; round++)
        {
            now += TimeSpan.FromMilliseconds(30);
            if (round % 33 == 0)
                coordinator.Tick(now);
            for (var number = 0; number < Nodes; number++)
            {
                var began = Stopwatch.GetTimestamp();
                foreach (var run in work[number])
                    for (var piece = run.First; piece < run.First + run.Count; piece++)
                        members[number].Completed(piece, (uint)piece, run.Source?.Node, now);
                var step = members[number].Step(now);
                work[number] = [.. step.Start];
                if (round > 0)
                    stepped += Stopwatch.GetElapsedTime(began);
                if (step.Report is not { } report)
                    continue;
                began = Stopwatch.GetTimestamp();
                var reply = coordinator.Report(report, now);
                var took = Stopwatch.GetElapsedTime(began);
                members[number].Replied(reply, now);
                if (round == 0)
                {
                    first += took;
                    continue;
                }

                decided += took;
                longest = took > longest ? took : longest;
                decisions++;
            }
        }

        output.WriteLine(
            $"{partial} partial, {held} held: {decisions} decisions, {decided.TotalMicroseconds / decisions:0.0} µs each, the longest {longest.TotalMilliseconds:0.0} ms; a member's step {stepped.TotalMicroseconds / decisions:0.0} µs; joining {first.TotalMilliseconds / Nodes:0} ms each; {members.Average(member => member.Held.Count):0} pieces held");
        Assert.True(decisions > 0);
    }
}
