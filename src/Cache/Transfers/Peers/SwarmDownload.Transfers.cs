using DatasetCache.Coordination;
using DatasetCache.Origins;

namespace DatasetCache.Transfers.Peers;

// Runs of pieces from the origin and from other nodes, and what becomes of them.
internal sealed partial class SwarmDownload
{
    private async Task TransferAsync(Assignment run, CancellationTokenSource transfer)
    {
        var failure = PieceFailure.Returned;
        OriginException? refused = null;
        try
        {
            if (run.Source is null)
                await FromOriginAsync(run, transfer.Token);
            else
                await FromPeerAsync(run, run.Source, transfer.Token);
        }
        catch (PeerException e)
        {
            failure = e.Failure;
        }
        catch (OriginException e)
        {
            failure = PieceFailure.Origin;
            refused = e;
            if (e.Failure == OriginFailure.Changed)
                Break(e);
            else
                originFailure = e;
        }
        catch (OperationCanceledException)
        {
            // Given back, where the member still waits for it.
        }
        catch (Exception e)
        {
            Break(e);
        }
        lock (gate)
        {
            for (var piece = run.First; piece < run.First + run.Count; piece++)
            {
                if (!running.Remove((piece, run.Source?.Node)) || plan.Has(piece))
                    continue;
                member.Failed(piece, run.Source?.Node, failure, Now);
                if (isReader && refused is not null)
                    Fail(piece, refused);
            }
            transfer.Dispose();
        }
        Wake();
    }

    private async Task FromOriginAsync(Assignment run, CancellationToken cancellationToken)
    {
        var wanted = new List<(int File, int Piece)>();
        for (var piece = run.First; piece < run.First + run.Count; piece++)
        {
            // Of a piece that is partly here, only the rest.
            wanted.AddRange(plan.Plan.Parts(piece).Where(part => !plan.Has(part)).Select(part => (plan.Ordinals[part.File], part.Piece)));
        }
        var untold = Enumerable.Range(run.First, run.Count).ToHashSet();
        await origin.FetchPiecesAsync(AwaitedFirst(wanted), TellOfComplete, cancellationToken);
        TellOfComplete();

        // A piece of many files is complete with the last of them, whichever that is.
        void TellOfComplete()
        {
            lock (untold)
            {
                foreach (var piece in untold.Where(plan.Has).ToArray())
                {
                    untold.Remove(piece);
                    Complete(piece, plan.Checksum(piece), source: null, bytes: 0);
                }
            }
        }
    }

    private async Task FromPeerAsync(Assignment run, Peer source, CancellationToken cancellationToken)
    {
        // Pieces that are partly here are asked for one by one, for what they lack.
        for (var piece = run.First; piece < run.First + run.Count;)
        {
            var count = 0;
            while (piece + count < run.First + run.Count && !plan.Plan.Parts(piece + count).Any(plan.Has))
                count++;
            var only = count > 0 ? null : Enumerable.Range(0, plan.Plan.PartCount(piece)).Where(part => !plan.Has(plan.Plan.PartAt(piece, part))).ToArray();
            count = Math.Max(count, 1);
            if (only is not { Length: 0 })
                await ReadAsync(piece, count, only);
            piece += count;
        }

        async Task ReadAsync(int first, int count, int[]? only)
        {
            using var writer = new PieceWriter(plan, staging, first, only, piece => Expected(run, piece), (piece, checksum, bytes) => Complete(piece, checksum, source.Node, bytes));
            var length = only is null ? Enumerable.Range(first, count).Sum(piece => (long)plan.Plan.LengthOf(piece)) : only.Sum(part => (long)plan.Plan.LengthOf(plan.Plan.PartAt(first, part)));
            if (length == 0)
            {
                writer.StoreEmpty();
                return;
            }
            using var record = meter.Recorder?.ReadingPeer(source.Node, first, count, length);
            try
            {
                await peers.ReadPiecesAsync(source, new PieceRequest(plan.Plan.Digest, first, count, length, only), writer, cancellationToken);
            }
            catch (PeerException e)
            {
                record?.Failed(e.Failure);
                throw;
            }
        }
    }

    private uint? Expected(Assignment run, int piece)
        => expected.Count > 0 ? expected[piece] : piece - run.First < run.Checksums.Count ? run.Checksums[piece - run.First] : null;

    private void Complete(int piece, uint checksum, string? source, int bytes)
    {
        lock (gate)
        {
            running.Remove((piece, source));
            if (!member.Completed(piece, checksum, source, Now))
            {
                if (!member.Held.Contains(piece))
                    Discard(piece);
                return;
            }
            if (!member.IsProven(piece))
                guesses.Add(piece);
            else if (awaited.Remove(piece, out var reader))
                reader.TrySetResult(source is not null);
        }
        if (source is not null)
        {
            meter.FromPeer(bytes);
            meter.BytesDone(bytes);
            foreach (var part in plan.Plan.Parts(piece))
                origin.NoteFile(plan.Ordinals[part.File], fromOrigin: false);
        }
        Wake();
    }

    private void Discard(int piece)
    {
        foreach (var part in plan.Plan.Parts(piece))
        {
            if (!plan.Has(part))
                continue;
            staging.Discard(plan.Ordinals[part.File], part.Piece);
            meter.BytesDone(-plan.Plan.LengthOf(part));
        }
    }
}
