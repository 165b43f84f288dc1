using DatasetCache.Coordination;

namespace DatasetCache.Simulation.World;

// Pieces on their way to it, from the origin and from others.
internal sealed partial class SimulatedNode
{
    private void AskHeld(SwarmMember mine, Peer neighbour)
    {
        var other = cluster.ByName(neighbour.Node);
        Later(TimeSpan.FromMilliseconds(2), () =>
        {
            if (member != mine)
                return;
            var held = !cluster.Cuts.CanTalk(number, other.Number) ? null : other.IsUp && other.version == version && other.member is not null ? other.member.Held.Copy()
                : other.IsUp && other.ready == version ? PieceSet.Full(cluster.Scenario.Pieces) : null;
            mine.NeighbourHolds(neighbour, held, cluster.Now);
            Step();
        });
    }

    private void Start(Assignment run)
    {
        if (run.Source is { } && member!.IsAlone(cluster.Now))
            cluster.AloneFetches++;
        if (run.Source is null)
        {
            for (var piece = run.First; piece < run.First + run.Count; piece++)
            {
                flows[(piece, null)] = null;
                origins[piece] = answering;
                cluster.Reads(this, version!.Value, piece);
            }

            for (var first = run.First; first < run.First + run.Count; first += cluster.Scenario.PiecesPerRequest)
                requests.Enqueue((member!, version!.Value, first, Math.Min(first + cluster.Scenario.PiecesPerRequest, run.First + run.Count)));
            NextRequest();
            return;
        }

        for (var i = 0; i < run.Count; i++)
            flows[(run.First + i, run.Source.Node)] = null;
        FromPeer(run, 0);
    }

    private void NextRequest()
    {
        while (running < cluster.Scenario.RequestsPerNode && requests.TryDequeue(out var request))
        {
            if (request.By != member)
                continue;
            running++;
            FromOrigin(request.By, request.Version, request.First, request.End, cluster.Scenario.OriginLatency);
        }
    }

    /// <summary>The pieces of one request come one after the other.</summary>
    private void FromOrigin(SwarmMember mine, int which, int piece, int end, TimeSpan latency)
    {
        Later(latency, () =>
        {
            if (member != mine)
                return;
            void Next()
            {
                if (member != mine)
                    return;
                if (piece + 1 < end)
                {
                    FromOrigin(mine, which, piece + 1, end, TimeSpan.Zero);
                    return;
                }

                running--;
                NextRequest();
            }

            if (!flows.ContainsKey((piece, null)))
            {
                Next();
                return;
            }

            if (cluster.Origin.Version != which)
            {
                contradicted = Origin.Listing(which);
                listed = null;
                StopMember();
                AskManifest();
                return;
            }

            if (!cluster.FaultsAreOver && cluster.Random.NextDouble() < cluster.Scenario.Faults.OriginErrors)
            {
                cluster.Origin.Errors++;
                flows.Remove((piece, null));
                mine.Failed(piece, null, PieceFailure.Origin, cluster.Now);
                Next();
                Step();
                return;
            }

            var due = cluster.Scenario.ConnectionRate is { } rate ? cluster.Now + TimeSpan.FromSeconds(cluster.Scenario.PieceBytes / rate) : TimeSpan.Zero;
            var flow = new Flow(cluster.Origin.Up, Down, partial.GetValueOrDefault(piece, cluster.Scenario.PieceBytes), cluster.Scenario.ChunkBytes, () =>
            {
                var pace = due - cluster.Now;
                Later(pace > TimeSpan.Zero ? pace : TimeSpan.Zero, () =>
                {
                    Arrived(mine, piece, null, Origin.Content(which, piece));
                    Next();
                });
            })
            {
                Next = Next,
            };
            flows[(piece, null)] = flow;
            flow.Start();
        });
    }

    private void FromPeer(Assignment run, int at)
    {
        var mine = member!;
        var which = version!.Value;
        var source = run.Source!.Node;
        while (at < run.Count && !flows.ContainsKey((run.First + at, source)))
            at++;
        if (at == run.Count)
            return;
        var piece = run.First + at;
        Later(at == 0 ? TimeSpan.FromMilliseconds(1) : TimeSpan.Zero, () =>
        {
            if (member != mine || !flows.ContainsKey((piece, source)))
                return;
            var other = cluster.ByName(source);
            if (!other.IsUp || !cluster.Cuts.CanTalk(number, other.Number))
            {
                Fail(mine, run, at, PieceFailure.Unreachable, TimeSpan.FromMilliseconds(200));
                return;
            }

            if (!other.Serves(which, piece, out var content))
            {
                Fail(mine, run, at, PieceFailure.NotHeld, TimeSpan.FromMilliseconds(1));
                return;
            }

            if (other.IsLiar && !cluster.FaultsAreOver && cluster.Random.Next(3) == 0)
            {
                cluster.Lies++;
                other.lies.Add((which, piece));
                content ^= 0xdead;
            }

            void Next()
            {
                if (member == mine)
                    FromPeer(run, at + 1);
            }

            var flow = new Flow(other.Up, Down, cluster.Scenario.PieceBytes, cluster.Scenario.ChunkBytes, () =>
            {
                other.Gave = cluster.Now;
                Arrived(mine, piece, source, content);
                Next();
            })
            {
                Next = Next,
            };
            flows[(piece, source)] = flow;
            flow.Start();
        });
    }

    private bool Serves(int which, int piece, out uint content)
    {
        content = 0;
        return disk.TryGetValue(which, out var pieces) && pieces.TryGetValue(piece, out content) && (version == which || ready == which);
    }

    private void Fail(SwarmMember mine, Assignment run, int from, PieceFailure failure, TimeSpan delay) => Later(delay, () =>
    {
        if (member != mine)
            return;
        for (var i = from; i < run.Count; i++)
            if (flows.Remove((run.First + i, run.Source!.Node)))
                mine.Failed(run.First + i, run.Source.Node, failure, cluster.Now);
        Step();
    });

    /// <summary>It has crashed, or nothing comes through any more.</summary>
    public void PeerLost(SimulatedNode other)
    {
        if (member is null || !IsUp)
            return;
        var mine = member;
        var broken = flows.Keys.Where(flow => flow.Source == other.Name).ToList();
        if (broken.Count == 0)
            return;
        foreach (var key in broken)
            flows[key]?.Cancel();
        // A reset is seen at once, a host that vanished by the stall.
        Later(TimeSpan.FromMilliseconds(cluster.Random.Next(2) == 0 ? 5 : 5000), () =>
        {
            if (member != mine)
                return;
            foreach (var key in broken)
                if (flows.Remove(key))
                    mine.Failed(key.Piece, key.Source, PieceFailure.Unreachable, cluster.Now);
            Step();
        });
    }

    private void Arrived(SwarmMember mine, int piece, string? source, uint content)
    {
        if (member != mine || !flows.Remove((piece, source)))
            return;
        if (mine.Completed(piece, content, source, cluster.Now))
        {
            disk[version!.Value][piece] = content;
        }

        if (mine.IsProven(piece) && disk[version!.Value][piece] != Origin.Content(version.Value, piece))
            cluster.Violate($"{Name} takes a wrong piece {piece} from {source ?? "the origin"} for a proven one");
        Step();
    }
}
