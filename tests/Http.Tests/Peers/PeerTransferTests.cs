using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class PeerTransferTests
{
    [Fact]
    public async Task A_manifest_arrives_as_it_is()
    {
        await using var ground = new PeerGround();
        var bytes = MemoryOrigin.Bytes(1, 3_000_000);
        var digest = ground.Content.AddManifest(bytes);
        Assert.Equal(bytes, await ground.Client.ReadManifestAsync(ground.Peer, digest, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task What_is_held_arrives_as_a_bitmap()
    {
        await using var ground = new PeerGround();
        var held = new PieceSet(131);
        foreach (var piece in new[] { 0, 63, 64, 130 })
            held.Add(piece);
        ground.Content.Held = held;
        var read = await ground.Client.ReadHeldAsync(ground.Peer, FakeContent.Plan, 131, TestContext.Current.CancellationToken);
        Assert.Equal(held.Words, read.Words);
        Assert.Equal(131, read.Size);
    }

    [Fact]
    public async Task A_run_of_pieces_arrives_in_order()
    {
        await using var ground = new PeerGround();
        var expected = new List<byte>();
        for (var piece = 3; piece < 7; piece++)
            expected.AddRange(ground.Content.AddPiece(piece, 1_000_000, 0, 1, 48_575).SelectMany(part => part));
        Assert.Equal(expected, await ground.ReadAsync(3, 4, expected.Count));
    }

    [Fact]
    public async Task Only_the_wanted_parts_of_a_piece_arrive()
    {
        await using var ground = new PeerGround();
        var parts = ground.Content.AddPiece(0, [.. Enumerable.Range(0, 256).Select(i => 4096 - i)]);
        var wanted = new[] { 0, 7, 200, 255 };
        byte[] expected = [.. wanted.SelectMany(part => parts[part])];
        Assert.Equal(expected, await ground.ReadAsync(0, 1, expected.Length, wanted));
    }

    [Fact]
    public async Task What_is_not_there_is_not_held_and_leaves_the_connection_usable()
    {
        await using var ground = new PeerGround();
        var bytes = ground.Content.AddPiece(0, 1000)[0];
        for (var i = 0; i < 3; i++)
        {
            var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 2, 2000));
            Assert.Equal(PieceFailure.NotHeld, failure.Failure);
            Assert.Equal(bytes, await ground.ReadAsync(0, 1, 1000));
        }
        Assert.Equal(1, ground.Server.Connections);
    }

    [Fact]
    public async Task The_longest_run_of_the_most_files_arrives_with_all_its_checksums()
    {
        await using var ground = new PeerGround();
        var parts = Enumerable.Range(0, PeerRoute.MostPieces).SelectMany(i => ground.Content.AddPiece(i, [.. Enumerable.Repeat(3, PiecePlan.MostFiles)])).ToArray();
        var sink = new MemorySink();
        await ground.Client.ReadPiecesAsync(ground.Peer, new PieceRequest(FakeContent.Plan, 0, PeerRoute.MostPieces, 3 * parts.Length), sink, TestContext.Current.CancellationToken);
        Assert.Equal(parts.SelectMany(part => part), sink.Bytes.ToArray());
        Assert.Equal(parts.Select(part => Integrity.Crc32C.Of(part)), sink.Promised);
    }

    [Fact]
    public async Task Many_readers_at_once_get_each_their_own()
    {
        await using var ground = new PeerGround();
        var pieces = Enumerable.Range(0, 32).Select(i => ground.Content.AddPiece(i, 300_000 + i)[0]).ToArray();
        await Parallel.ForAsync(0, 64, TestContext.Current.CancellationToken, async (i, _) => Assert.Equal(pieces[i % 32], await ground.ReadAsync(i % 32, 1, pieces[i % 32].Length)));
    }

    [Fact]
    public async Task A_server_that_stops_lets_an_answer_end()
    {
        await using var ground = new PeerGround(new PeerServerOptions { StopTimeout = TimeSpan.FromSeconds(30) });
        var bytes = ground.Content.AddPiece(0, 20_000_000)[0];
        var sink = new HeldSink();
        var reading = ground.Client.ReadPiecesAsync(ground.Peer, new PieceRequest(FakeContent.Plan, 0, 1, bytes.Length), sink, TestContext.Current.CancellationToken);
        await sink.Begun.Task;
        var stopping = ground.Server.StopAsync();
        sink.GoOn.Set();
        await reading;
        await stopping;
        Assert.Equal(bytes.Length, sink.Count);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, bytes.Length));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
    }

    [Fact]
    public async Task A_connection_that_the_server_closed_meanwhile_is_no_failure()
    {
        var time = new SteppedTime();
        await using var ground = new PeerGround(client: new PeerClientOptions { IdleTimeout = TimeSpan.FromHours(1) }, serverTime: time, clientTime: time);
        var bytes = ground.Content.AddPiece(0, 1000)[0];
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(bytes, await ground.ReadAsync(0, 1, 1000));
            time.Advance(TimeSpan.FromSeconds(90));
            Assert.Equal(bytes, await ground.ReadAsync(0, 1, 1000));
        }
    }

    [Fact]
    public async Task A_cancelled_read_ends_at_once_and_as_cancelled()
    {
        await using var ground = new PeerGround();
        ground.Content.AddPiece(0, 20_000_000);
        using var cancel = new CancellationTokenSource();
        var sink = new HeldSink();
        var reading = ground.Client.ReadPiecesAsync(ground.Peer, new PieceRequest(FakeContent.Plan, 0, 1, 20_000_000), sink, cancel.Token);
        await sink.Begun.Task;
        await cancel.CancelAsync();
        sink.GoOn.Set();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
        Assert.Equal(20_000_000, (await ground.ReadAsync(0, 1, 20_000_000)).Length);
    }

    [Fact]
    public async Task A_file_that_lost_its_end_breaks_the_answer_off()
    {
        await using var ground = new PeerGround();
        ground.Content.AddPiece(0, 1_000_000);
        ground.Content.Truncate(0);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 1_000_000));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains(ground.Log.Lines, line => line.Contains("shorter", StringComparison.Ordinal));
    }

    /// <summary>Takes nothing more after the first bytes until it is told to.</summary>
    private sealed class HeldSink : IPieceSink
    {
        private readonly byte[] room = new byte[65536];

        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ManualResetEventSlim GoOn { get; } = new();

        public long Count { get; private set; }

        public void Promise(IReadOnlyList<uint> checksums)
        {
            // Not looked at here.
        }

        public Memory<byte> Next() => room;

        public void Accept(int count)
        {
            Count += count;
            Begun.TrySetResult();
            GoOn.Wait();
        }
    }
}
