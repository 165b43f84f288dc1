using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class LyingPeerTests
{
    private const string Plan = FakeContent.Plan;

    [Theory]
    [Trait("Fault", "15")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nContent-Length: 1000\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 206 Partial\r\nContent-Length: 1000\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", nameof(PieceFailure.Unreachable))]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", nameof(PieceFailure.NotHeld))]
    [InlineData("SSH-2.0-OpenSSH\r\n", nameof(PieceFailure.WrongBytes))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort", nameof(PieceFailure.Unreachable))]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le", nameof(PieceFailure.Unreachable))]
    [InlineData("", nameof(PieceFailure.Unreachable))]
    public async Task What_is_no_right_answer_is_a_failure_of_its_kind(string answer, string expected)
    {
        await using var stub = new StubPeer((socket, _) => socket.SendAsync(Encoding.Latin1.GetBytes(answer)));
        using var reader = new Reader(PeerGround.Patient, TimeProvider.System);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(stub.Peer, 1000));
        Assert.Equal(expected, failure.Failure.ToString());
        Assert.Contains(stub.Peer.Endpoint, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task A_head_without_end_is_given_up()
    {
        await using var stub = new StubPeer(async (socket, ended) =>
        {
            await socket.SendAsync("HTTP/1.1 200 OK\r\n"u8.ToArray());
            while (!ended.IsCancellationRequested)
                await socket.SendAsync(Encoding.ASCII.GetBytes("X: " + new string('x', 1000) + "\r\n"));
        });
        using var reader = new Reader(PeerGround.Patient, TimeProvider.System);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(stub.Peer, 1000));
        Assert.Equal(PieceFailure.WrongBytes, failure.Failure);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task Another_manifest_than_was_asked_for_is_refused()
    {
        await using var ground = new PeerGround();
        var digest = ground.Content.AddManifest(MemoryOrigin.Bytes(1, 100_000));
        ground.Content.Manifests[digest] = MemoryOrigin.Bytes(2, 100_000);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.Client.ReadManifestAsync(ground.Peer, digest, TestContext.Current.CancellationToken));
        Assert.Equal(PieceFailure.WrongBytes, failure.Failure);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task A_manifest_that_claims_to_be_endless_takes_no_memory()
    {
        await using var stub = new StubPeer((socket, _) => socket.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n"u8.ToArray()));
        using var reader = new Reader(PeerGround.Patient, TimeProvider.System);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.Client.ReadManifestAsync(stub.Peer, Plan, TestContext.Current.CancellationToken));
        Assert.Equal(PieceFailure.WrongBytes, failure.Failure);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task What_is_held_of_another_plan_is_refused()
    {
        await using var ground = new PeerGround();
        ground.Content.Held = PieceSet.Full(64);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.Client.ReadHeldAsync(ground.Peer, Plan, 63, TestContext.Current.CancellationToken));
        Assert.Equal(PieceFailure.WrongBytes, failure.Failure);
    }

    [Theory]
    [Trait("Fault", "15")]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it")]
    public async Task A_node_that_goes_silent_is_given_up_within_two_seconds(string before)
    {
        var time = new SteppedTime();
        await using var stub = new StubPeer(async (socket, ended) =>
        {
            await socket.SendAsync(Encoding.ASCII.GetBytes(before));
            await ended.WaitAsync();
        });
        using var reader = new Reader(new PeerClientOptions(), time);
        var reading = reader.ReadAsync(stub.Peer, 1000);
        await stub.Asked.Task;
        // By its own clock alone: each deadline is set anew with whatever comes, and 2 s without anything end it.
        while (!reading.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(0.25));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        var failure = await Assert.ThrowsAsync<PeerException>(() => reading);
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains("1.5 s", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task A_dripping_node_is_given_up()
    {
        var (time, sink) = (new SteppedTime(), new MemorySink());
        await using var stub = StubPeer.Dripping(time, 200, sink);
        using var reader = new Reader(new PeerClientOptions(), time, sink);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(stub.Peer, 1_000_000));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains("too slow", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Fault", "15")]
    public async Task A_slow_node_is_given_up_only_where_another_is_faster()
    {
        var (time, sink) = (new SteppedTime(), new MemorySink());
        await using var slow = StubPeer.Dripping(time, 20_000, sink);
        await using var slower = StubPeer.Dripping(time, 10_000, sink);
        await using var fast = StubPeer.Dripping(time, 1_000_000, sink);
        using var reader = new Reader(new PeerClientOptions(), time, sink);
        await reader.ReadAsync(slower.Peer, 60_000);
        await reader.ReadAsync(slow.Peer, 120_000);
        await reader.ReadAsync(fast.Peer, 6_000_000);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(slow.Peer, 120_000));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        // Asked again at once: there is nobody else, so slow is better than never.
        await reader.ReadAsync(slow.Peer, 120_000);
    }

    [Fact]
    public async Task Nobody_there_is_unreachable()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var reader = new Reader(PeerGround.Patient, TimeProvider.System);
        var failure = await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(new Peer("gone", listener.LocalEndPoint!.ToString()!), 10));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        foreach (var endpoint in new[] { "nonsense", "host:", "host:0", "host:99999", ":80" })
            Assert.Equal(PieceFailure.Unreachable, (await Assert.ThrowsAsync<PeerException>(() => reader.ReadAsync(new Peer("odd", endpoint), 10))).Failure);
    }

    private sealed class Reader(PeerClientOptions options, TimeProvider time, MemorySink? sink = null) : IDisposable
    {
        private readonly TransferCaps caps = new(TransferLimits.Default, time);
        private PeerClient? client;

        public PeerClient Client => client ??= new PeerClient(options, PeerSecret.Of(PeerGround.SecretText), "node-b", caps, time);

        public Task ReadAsync(Peer peer, long length) => Client.ReadPiecesAsync(peer, new PieceRequest(Plan, 0, 1, length), sink ?? new MemorySink(), TestContext.Current.CancellationToken);

        public void Dispose()
        {
            client?.Dispose();
            caps.Dispose();
        }
    }
}
