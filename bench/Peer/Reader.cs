using System.Globalization;
using DatasetCache.Http.Peers;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Bench.Peer;

/// <summary>
/// A node that reads, four requests at a time. A command a line: large, large-http, disk, disk-synced, plain, plain-synced, small, small-each, small-http, tiny; with " 1" behind it one at a time. Answers with wall and CPU seconds.
/// </summary>
internal static class Reader
{
    private const int AtOnce = 4;
    private const int Run = 4;
    private static int atOnce = AtOnce;

    public static async Task RunAsync(string endpoint, string nginx, string folder, bool tls)
    {
        using var caps = new TransferCaps(TransferLimits.Default, TimeProvider.System);
        using var client = new PeerClient(new PeerClientOptions { Tls = tls ? Sender.Certified(folder) : null }, PeerSecret.Of(Sender.Secret), "reader", caps);
        var peer = new Coordination.Peer("sender", endpoint);
        using var http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false });
        // A node has been running for long: what is compiled late is not counted.
        for (var i = 0; i < 2; i++)
        {
            await LargeAsync(client, peer, null, 256);
            await SmallAsync(client, peer);
            await EachAsync(client, peer);
        }
        while (Console.ReadLine() is { } line)
        {
            var command = line.Split(' ')[0];
            atOnce = line.EndsWith(" 1", StringComparison.Ordinal) ? 1 : AtOnce;
            using var files = command.StartsWith("disk", StringComparison.Ordinal) ? new Files(folder) : null;
            GC.Collect();
            var cpu = Environment.CpuUsage.TotalTime;
            var begun = System.Diagnostics.Stopwatch.GetTimestamp();
            await (command switch
            {
                "large" => LargeAsync(client, peer, null, Layout.LargePieces),
                "large-http" => HttpAsync(http, endpoint, Enumerable.Range(0, Layout.LargePieces / Run).Select(i => new PeerRoute(PeerRouteKind.Pieces, Layout.LargePlan, i * Run, Run).ToString())),
                "disk" or "disk-synced" => LargeAsync(client, peer, files, Layout.LargePieces),
                "plain" or "plain-synced" => PlainAsync(folder, command.EndsWith("synced", StringComparison.Ordinal)),
                "small" => SmallAsync(client, peer),
                "small-each" => EachAsync(client, peer),
                "small-http" => HttpAsync(http, nginx, Enumerable.Range(0, Layout.SmallFiles).Select(i => "/" + Layout.Small(i)), signed: false),
                "tiny" => TinyAsync(client, peer),
                _ => throw new InvalidOperationException($"No such command: {command}."),
            });
            if (string.Equals(command, "disk-synced", StringComparison.Ordinal))
                files!.Sync();
            var wall = System.Diagnostics.Stopwatch.GetElapsedTime(begun).TotalSeconds;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{wall} {(Environment.CpuUsage.TotalTime - cpu).TotalSeconds}"));
        }
    }

    private static Task LargeAsync(PeerClient client, Coordination.Peer peer, Files? files, int pieces) => ForEachAsync(pieces / Run, async i =>
    {
        using var sink = files is null ? (IDisposable)new Discard() : new ToDisk(files, i * Run);
        await client.ReadPiecesAsync(peer, new PieceRequest(Layout.LargePlan, i * Run, Run, (long)Run * Layout.Piece), (IPieceSink)sink, CancellationToken.None);
    });

    private static Task SmallAsync(PeerClient client, Coordination.Peer peer) => ForEachAsync(Layout.SmallPieces / Run, async i =>
    {
        using var sink = new Discard();
        await client.ReadPiecesAsync(peer, new PieceRequest(Layout.SmallPlan, i * Run, Run, (long)Run * Layout.FilesPerPiece * Layout.SmallSize), sink, CancellationToken.None);
    });

    private static Task TinyAsync(PeerClient client, Coordination.Peer peer) => ForEachAsync(Layout.TinyPieces, async i =>
    {
        using var sink = new Discard();
        await client.ReadPiecesAsync(peer, new PieceRequest(Layout.TinyPlan, i, 1, Layout.FilesPerTinyPiece * Layout.TinySize), sink, CancellationToken.None);
    });

    private static Task EachAsync(PeerClient client, Coordination.Peer peer) => ForEachAsync(Layout.SmallFiles, async i =>
    {
        using var sink = new Discard();
        await client.ReadPiecesAsync(peer, new PieceRequest(Layout.SmallPlan, i / Layout.FilesPerPiece, 1, Layout.SmallSize, [i % Layout.FilesPerPiece]), sink, CancellationToken.None);
    });

    private static Task HttpAsync(HttpClient http, string endpoint, IEnumerable<string> targets, bool signed = true) =>
        Parallel.ForEachAsync(targets, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (target, cancellationToken) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, $"http://{endpoint}{target}");
            if (signed)
                request.Headers.TryAddWithoutValidation("Authorization", PeerCredential.Sign(PeerSecret.Of(Sender.Secret), "reader", endpoint, target, TimeProvider.System.GetUtcNow() + PeerCredential.Life));
            using var answer = (await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken)).EnsureSuccessStatusCode();
            await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(Layout.Piece);
            while (await body.ReadAsync(buffer, cancellationToken) > 0)
            {
            }
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        });

    private static Task ForEachAsync(int count, Func<int, Task> action) =>
        Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (i, _) => await action(i));

    // What the disk takes from a program that has nothing else to do: as many writers as we have requests, from memory, each with files of its own.
    private static async Task PlainAsync(string folder, bool sync)
    {
        using var files = new Files(folder);
        var writers = Enumerable.Range(0, AtOnce).Select(writer => Task.Run(() =>
        {
            var block = new byte[Layout.Piece];
            for (var file = writer; file < Layout.LargeFiles; file += AtOnce)
            {
                for (var piece = 0; piece < Layout.PiecesPerFile; piece++)
                    files.Write((file * Layout.PiecesPerFile) + piece, block);
            }
        })).ToArray();
        await Task.WhenAll(writers);
        if (sync)
            files.Sync();
    }

    private sealed class Discard : IPieceSink, IDisposable
    {
        private readonly byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(Layout.Piece);

        public Memory<byte> Next() => buffer;

        public void Promise(IReadOnlyList<uint> checksums)
        {
            // Not looked at.
        }

        public void Accept(int count)
        {
            // Gone.
        }

        public void Dispose() => System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>As the cache does it: a piece is gathered, checked, written with one call, and its way to the disk begun.</summary>
    private sealed class ToDisk(Files files, int first) : IPieceSink, IDisposable
    {
        private readonly byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(Layout.Piece);
        private int piece = first;
        private int filled;
        private uint checksums;

        public Memory<byte> Next() => buffer.AsMemory(filled, Layout.Piece - filled);

        public void Promise(IReadOnlyList<uint> checksums)
        {
            // Not looked at.
        }

        public void Accept(int count)
        {
            filled += count;
            if (filled < Layout.Piece)
                return;
            checksums ^= Crc32C.Of(buffer.AsSpan(0, Layout.Piece));
            files.Write(piece, buffer.AsSpan(0, Layout.Piece));
            files.StartWriteback(piece++);
            filled = 0;
        }

        public void Dispose() => System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
    }

    private sealed class Files : IDisposable
    {
        private readonly DirectoryHandle folder;
        private readonly FileHandle[] files;

        public Files(string path)
        {
            folder = new FileSystem().OpenRoot(path);
            files = [.. Enumerable.Range(0, Layout.LargeFiles).Select(i => folder.Create($"received-{Guid.NewGuid():n}", 0x1A4))];
        }

        public void Write(int piece, ReadOnlySpan<byte> bytes) => files[piece / Layout.PiecesPerFile].Write(bytes, (long)(piece % Layout.PiecesPerFile) * Layout.Piece);

        public void StartWriteback(int piece) => files[piece / Layout.PiecesPerFile].StartWriteback((long)(piece % Layout.PiecesPerFile) * Layout.Piece, Layout.Piece);

        public void Sync() => folder.SyncFileSystem();

        public void Dispose()
        {
            foreach (var file in files)
                file.Dispose();
            foreach (var (name, _) in folder.List().Where(item => item.Name.StartsWith("received-", StringComparison.Ordinal)))
                folder.Delete(name);
            folder.Dispose();
        }
    }
}
