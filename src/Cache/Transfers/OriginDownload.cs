using System.Buffers;
using System.Collections.Concurrent;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;

namespace DatasetCache.Transfers;

/// <summary>
/// Reads the missing pieces of a listing's files from its origin into staging, many at once. A byte that has arrived is never asked for
/// again: a broken request goes on where it stood.
/// </summary>
internal sealed partial class OriginDownload(IOrigin origin, string prefix, StagingArea staging, CacheOptions options, TransferMeter meter, TimeProvider time)
{
    /// <summary>The most that a kill may lose (bytes that are in no journal).</summary>
    public const int Unrecorded = 32 * 1024 * 1024;

    /// <summary>Bytes of a large file that one request asks for.</summary>
    public const int Span = 32 * Pieces.Size;

    // With others about a run of pieces comes over several connections: it is waited for by more than one.
    private const int MostTogether = 8;
    private const int BufferSize = 256 * 1024;
    private readonly RetryPolicy retry = new(options.Attempts, time);
    private readonly ByteBudget budget = new(Unrecorded);
    private readonly SemaphoreSlim requests = new(options.Concurrency);

    private readonly ConcurrentDictionary<int, byte> finished = new();

    /// <summary>Fetches whatever these files lack.</summary>
    /// <exception cref="OriginException">The first failure that retries did not mend; what arrived before stays in staging.</exception>
    public async Task FetchAsync(IReadOnlyList<int> files, CancellationToken cancellationToken)
    {
        do
        {
            await FetchAsync(Claims(files).OrderByDescending(claim => claim.Count > 1), cancellationToken);
        }
        while (await AnyRaisedAsync() && files.Any(file => !staging.Pieces.HasAll(file)));
    }

    /// <summary>Fetches some pieces of files, those that follow each other in one file by one request.</summary>
    /// <param name="pieces">Ordered by file and piece.</param>
    /// <param name="progressed">Called after each of them, by many at once.</param>
    public async Task FetchPiecesAsync(IReadOnlyList<(int File, int Piece)> pieces, Action progressed, CancellationToken cancellationToken)
    {
        await FetchAsync(Claims(pieces, progressed), cancellationToken);
        while (await AnyRaisedAsync() && !isFinishing)
        {
            progressed();
            await FetchAsync(Claims([.. pieces.Where(piece => !staging.Pieces.Has(piece.File, piece.Piece))], progressed), cancellationToken);
        }
    }

    private async Task FetchAsync(IEnumerable<Claim> wanted, CancellationToken cancellationToken)
    {
        var claims = new ClaimDesk(wanted);
        lock (desks)
            desks.Add(claims);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        var workers = new Task[Math.Min(options.Concurrency, claims.Count)];
        for (var i = 0; i < workers.Length; i++)
            workers[i] = Task.Run(WorkAsync, CancellationToken.None);
        await Task.WhenAll(workers);
        lock (desks)
            desks.Remove(claims);
        cancellationToken.ThrowIfCancellationRequested();
        if (first is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(first);

        async Task WorkAsync()
        {
            using var guard = new StallGuard(options.StallTimeout, time, stop.Token);
            try
            {
                while (!stop.IsCancellationRequested && await FetchNextAsync(claims, guard, stop.Token))
                {
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref first, e, comparand: null);
                await stop.CancelAsync();
            }
        }
    }

    private IEnumerable<Claim> Claims(IReadOnlyList<int> files)
    {
        foreach (var file in files)
        {
            for (var piece = 0; piece < staging.Pieces.Count(file);)
            {
                var count = 0;
                while (piece + count < staging.Pieces.Count(file) && count < Span / Pieces.Size && !staging.Pieces.Has(file, piece + count))
                    count++;
                if (count > 0)
                    yield return new Claim(file, piece, count);
                piece += Math.Max(1, count);
            }
        }
    }

    private static IEnumerable<Claim> Claims(IReadOnlyList<(int File, int Piece)> pieces, Action progressed)
    {
        for (var i = 0; i < pieces.Count;)
        {
            var (file, first) = pieces[i];
            var count = 1;
            while (i + count < pieces.Count && count < MostTogether && pieces[i + count] == (file, first + count))
                count++;
            yield return new Claim(file, first, count, progressed);
            i += count;
        }
    }

    // A claim is left where others may take from it until it is its turn.
    private async Task<bool> FetchNextAsync(ClaimDesk claims, StallGuard guard, CancellationToken cancellationToken)
    {
        Claim? claim;
        await requests.WaitAsync(cancellationToken);
        try
        {
            claim = claims.Next();
            if (claim is null)
                return false;
            await ReadClaimAsync(claim, guard, cancellationToken);
        }
        finally
        {
            requests.Release();
        }
        claim.Progressed?.Invoke();
        claims.End(claim);
        return true;
    }

    private async Task ReadClaimAsync(Claim claim, StallGuard guard, CancellationToken cancellationToken)
    {
        var entry = staging.Listing.Files[claim.File];
        var weight = (int)Math.Min(entry.Size, Pieces.Size);
        await budget.TakeAsync(weight);
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (entry.Size == 0)
                staging.WriteWhole(claim.File, []);
            else if (entry.Size <= Pieces.Size)
                await FetchWholeAsync(claim.File, guard, cancellationToken);
            else
                await FetchPiecesAsync(claim, guard, cancellationToken);
        }
        finally
        {
            budget.Return(weight);
        }
        NoteFile(claim.File, fromOrigin: true);
    }

    /// <summary>Counts a file once all its pieces are here, whoever brought the last one.</summary>
    public void NoteFile(int file, bool fromOrigin)
    {
        // Its last two pieces may come at once.
        if (!staging.Pieces.HasAll(file) || !finished.TryAdd(file, 0))
            return;
        if (staging.Listing.Files[file].Size > 0)
            meter.FileFetched(fromOrigin);
        meter.FileDone();
    }

    private async Task FetchWholeAsync(int file, StallGuard guard, CancellationToken cancellationToken)
    {
        var length = (int)staging.Listing.Files[file].Size;
        var buffer = ArrayPool<byte>.Shared.Rent(length + 1);
        try
        {
            var sink = new MemorySink(buffer);
            await ReadAsync(file, 0, length, sink, guard, cancellationToken);
            staging.WriteWhole(file, buffer.AsSpan(0, length));
            meter.BytesDone(length);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task FetchPiecesAsync(Claim claim, StallGuard guard, CancellationToken cancellationToken)
    {
        var size = staging.Listing.Files[claim.File].Size;
        var offset = (long)claim.FirstPiece * Pieces.Size;
        var length = Math.Min(size, offset + ((long)claim.Count * Pieces.Size)) - offset;
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            using var target = staging.OpenForPieces(claim.File);
            var sink = new PieceSink(staging, claim, offset, target, buffer, meter, options.Durable);
            await ReadAsync(claim.File, offset, length, sink, guard, cancellationToken, claim);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Reads exactly [offset, offset + length), in as many requests as it takes; less where <paramref name="claim"/> is cut.</summary>
    private async Task ReadAsync(int file, long offset, long length, Sink sink, StallGuard guard, CancellationToken cancellationToken, Claim? claim = null)
    {
        var entry = staging.Listing.Files[file];
        var target = new OriginObject(prefix + entry.Path, entry.Size, entry.ETag);
        var done = 0L;
        using var record = meter.Recorder?.ReadingOrigin(target.Key, offset, length);
        for (var failed = 0; ;)
        {
            var before = done;
            var asked = Left();
            if (asked <= 0 && length > 0)
                return;
            OriginException failure;
            try
            {
                guard.Start();
                record?.Asking();
                await using var body = await origin.OpenReadAsync(target, offset + done, asked, guard.Token);
                record?.Answered();
                while (true)
                {
                    // A byte more than is missing, so that a body that goes on too long is noticed.
                    var read = await body.ReadAsync(sink.Next(Left()), guard.Token);
                    if (read == 0)
                        break;
                    if (claim is not null && TakeIn(read))
                    {
                        guard.Received(read);
                        meter.Received(read);
                        // Behind this somebody else reads.
                        if (claim.IsCut && Left() <= 0)
                            return;
                        continue;
                    }
                    if (read > Left())
                    {
                        // Which of its bytes were the right ones nobody can tell.
                        sink.Reset();
                        done = before = 0;
                        throw Protocol(target, body, $"sent more than the {asked} bytes that were asked for");
                    }
                    guard.Received(read);
                    meter.Received(read);
                    sink.Accept(read);
                    done += read;
                }
                if (Left() <= 0)
                    return;
                throw Protocol(target, body, $"ended its answer after {done - before} of {asked} bytes");
            }
            catch (OriginException e)
            {
                failure = e;
            }
            catch (OperationCanceledException e)
            {
                if (guard.Explain(e, target.Key) is not OriginException stalled)
                    throw;
                failure = stalled;
            }
            finally
            {
                guard.Stop();
            }
            record?.Failed(failure);
            // An origin that drops every connection after a handful of bytes makes no progress worth the name.
            failed = done - before >= StallGuard.LeastBytes ? 1 : failed + 1;
            await retry.BeforeNextAsync(failure, failed, cancellationToken);
        }

        long Left() => (claim is null ? length : Math.Min(length, (long)claim.Count * Pieces.Size)) - done;

        // False where more came than was ever asked for.
        bool TakeIn(int read)
        {
            lock (claim.Gate)
            {
                if (read > Left() && !claim.IsCut)
                    return false;
                read = (int)Math.Min(read, Left());
                if (read > 0)
                    sink.Accept(read);
                done += read;
                return true;
            }
        }
    }

    private static OriginException Protocol(OriginObject target, OriginBody body, string what)
    {
        var request = body.RequestId is null ? "" : $", request {body.RequestId}";
        return new OriginException(OriginFailure.Protocol, $"The origin {what}: {target.Key} (HTTP {body.HttpStatus}{request}).", target.Key, body.HttpStatus, body.RequestId);
    }

    /// <summary>Where body bytes go: it offers room for the next ones, and is told how many came.</summary>
    private abstract class Sink
    {
        public abstract Memory<byte> Next(long missing);

        public abstract void Accept(int count);

        /// <summary>Forgets everything it was given.</summary>
        public abstract void Reset();
    }

    private sealed class MemorySink(byte[] buffer) : Sink
    {
        private int filled;

        public override Memory<byte> Next(long missing) => buffer.AsMemory(filled, (int)missing + 1);

        public override void Accept(int count) => filled += count;

        public override void Reset() => filled = 0;
    }

    /// <summary>Writes what comes at its place and completes each piece when its last byte is in the file.</summary>
    private sealed class PieceSink(StagingArea staging, Claim claim, long offset, FileHandle target, byte[] buffer, TransferMeter meter, bool isDurable) : Sink
    {
        private readonly int file = claim.File;
        private readonly long size = staging.Listing.Files[claim.File].Size;
        private readonly long start = offset;
        private long position = offset;
        private uint checksum;

        public override Memory<byte> Next(long missing) => buffer.AsMemory(0, (int)Math.Min(buffer.Length, missing + 1));

        public override void Reset()
        {
            for (var piece = (int)(start / Pieces.Size); (long)piece * Pieces.Size < position; piece++)
            {
                if (!staging.Pieces.Has(file, piece))
                    break;
                staging.RetractPiece(file, piece);
                meter.BytesDone(-Pieces.LengthOf(size, piece));
            }
            (position, checksum) = (start, 0);
            claim.Current = claim.FirstPiece;
        }

        public override void Accept(int count)
        {
            for (var from = 0; from < count;)
            {
                var piece = (int)(position / Pieces.Size);
                var end = ((long)piece * Pieces.Size) + Pieces.LengthOf(size, piece);
                var part = buffer.AsSpan(from, (int)Math.Min(count - from, end - position));
                target.Write(part, position);
                checksum = Crc32C.Append(checksum, part);
                position += part.Length;
                from += part.Length;
                if (position < end)
                    continue;
                claim.Current = piece + 1;
                staging.CompletePiece(file, piece, checksum);
                // Where nobody waits for the disk at the end, the kernel chooses better when to write.
                if (isDurable)
                    target.StartWriteback((long)piece * Pieces.Size, Pieces.LengthOf(size, piece));
                meter.BytesDone(Pieces.LengthOf(size, piece));
                claim.Progressed?.Invoke();
                checksum = 0;
            }
        }
    }
}
