using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>Fetches broken pieces of an entry from nodes that have the entry whole. What they cannot give is left to the origin.</summary>
internal sealed class PeerHealing(ClusterNode node, TransferMeter meter)
{
    /// <param name="record">The entry.</param>
    /// <param name="lines">Its manifest: what comes must have these checksums.</param>
    /// <param name="staging">Where its broken files are put together.</param>
    /// <param name="files">Which of the staging area's files may come from others.</param>
    public async Task FillAsync(EntryRecord record, IReadOnlyList<ManifestText.Line> lines, StagingArea staging, IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        var ordinal = Enumerable.Range(0, lines.Count).ToDictionary(i => lines[i].File.Path, StringComparer.Ordinal);
        var missing = files.SelectMany(file => Enumerable.Range(0, staging.Pieces.Count(file)).Where(piece => !staging.Pieces.Has(file, piece)).Select(piece => (File: file, Piece: piece))).ToArray();
        if (missing.Length == 0 || IdentityText.Parse(record.Identity) is not { } identity)
            return;
        var plan = new PiecePlan(new Manifest(lines.Select(line => line.File)));
        // Every piece of the plan that is concerned, with the parts of it that are wanted.
        var wanted = missing.Select(part => (part.File, part.Piece, InPlan: ordinal[staging.Listing.Files[part.File].Path]))
            .GroupBy(part => plan.PieceOf(part.InPlan, part.Piece)).ToDictionary(group => group.Key, group => group.OrderBy(part => part.InPlan).ToArray());
        foreach (var holder in await HoldersAsync(ClusterKey.Of(identity), cancellationToken))
        {
            foreach (var (piece, parts) in wanted.OrderBy(piece => piece.Key).ToArray())
            {
                cancellationToken.ThrowIfCancellationRequested();
                var numbers = Enumerable.Range(0, plan.PartCount(piece)).Where(part => parts.Any(one => one.InPlan == plan.PartAt(piece, part).File)).ToArray();
                var ranges = parts.Select(part => new Range(part.File, part.Piece, lines[part.InPlan].Checksums[part.Piece])).ToArray();
                var sink = new Sink(staging, ranges);
                try
                {
                    if (sink.Length > 0)
                        await node.Cluster.Peers.ReadPiecesAsync(holder, new PieceRequest(plan.Digest, piece, 1, sink.Length, numbers.Length == plan.PartCount(piece) ? null : numbers), sink, cancellationToken);
                    wanted.Remove(piece);
                    meter.FromPeer(sink.Length);
                    meter.BytesDone(sink.Length);
                }
                catch (PeerException e) when (e.Failure is PieceFailure.NotHeld or PieceFailure.WrongBytes)
                {
                    // Another may have this one.
                }
                catch (PeerException)
                {
                    break;
                }
            }
            if (wanted.Count == 0)
                return;
        }
    }

    private async Task<IReadOnlyList<Peer>> HoldersAsync(string key, CancellationToken cancellationToken)
    {
        try
        {
            var (listed, age) = node.Offered(key);
            var request = new ManifestRequest { From = node.Cluster.Self, Seen = node.Seen(key), Number = SessionStart.Next(node.Time), Listed = listed, ListedAge = age, IsNotice = true };
            var reply = await node.Cluster.Coordinator(key).ManifestAsync(request, cancellationToken);
            return node.Hear(key, reply.Epoch) && reply.Decision == ManifestDecision.TakeReplica ? [.. reply.Holders.Where(holder => holder != node.Cluster.Self)] : [];
        }
        catch (CoordinatorUnavailableException)
        {
            return [];
        }
    }

    private sealed record Range(int File, int Piece, uint Checksum);

    // One request's parts, gathered and checked before a byte of them is written.
    private sealed class Sink(StagingArea staging, IReadOnlyList<Range> ranges) : IPieceSink
    {
        private readonly byte[] buffer = new byte[ranges.Sum(range => LengthOf(staging, range))];
        private int filled;

        public int Length => buffer.Length;

        private static int LengthOf(StagingArea staging, Range range) => Pieces.LengthOf(staging.Listing.Files[range.File].Size, range.Piece);

        public void Promise(IReadOnlyList<uint> checksums)
        {
            // The entry's own manifest says what they must be.
        }

        public Memory<byte> Next() => buffer.AsMemory(filled);

        public void Accept(int count)
        {
            filled += count;
            if (filled < buffer.Length)
                return;
            var offset = 0;
            foreach (var range in ranges)
            {
                var bytes = buffer.AsSpan(offset, LengthOf(staging, range));
                if (Crc32C.Of(bytes) != range.Checksum)
                    throw new PeerException(PieceFailure.WrongBytes, $"Piece {range.Piece} of {staging.Listing.Files[range.File].Path} is broken there too.");
                offset += bytes.Length;
            }
            offset = 0;
            foreach (var range in ranges)
            {
                var bytes = buffer.AsSpan(offset, LengthOf(staging, range));
                staging.Write(range.File, range.Piece, bytes, range.Checksum);
                offset += bytes.Length;
            }
        }
    }
}
