using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Http.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class HostileRequestTests
{
    private const string Plan = FakeContent.Plan;

    [FaultTheory(26)]
    [InlineData("/")]
    [InlineData("/etc/passwd")]
    [InlineData("//etc/passwd")]
    [InlineData("/v1/manifests/")]
    [InlineData("/v1/manifests/../../etc/passwd")]
    [InlineData("/v1/manifests/%2e%2e%2fetc%2fpasswd")]
    [InlineData("/v1/manifests/" + Plan + "/")]
    [InlineData("/v1/manifests/" + Plan + "?x=1")]
    [InlineData("/v1/manifests/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef")]
    [InlineData("/v1/manifests/0123456789abcdef")]
    [InlineData("/v1/plans/../../etc/passwd")]
    [InlineData("/v1/plans/%2e%2e/%2e%2e/etc/passwd")]
    [InlineData("/v1/plans//etc/passwd")]
    [InlineData("/v1/plans/" + Plan)]
    [InlineData("/v1/plans/" + Plan + "/")]
    [InlineData("/v1/plans/" + Plan + "/held/")]
    [InlineData("/v1/plans/" + Plan + "/held?")]
    [InlineData("/v1/plans/" + Plan + "/../" + Plan + "/held")]
    [InlineData("/v1/plans/" + Plan + "/pieces/")]
    [InlineData("/v1/plans/" + Plan + "/pieces/..")]
    [InlineData("/v1/plans/" + Plan + "/pieces/00")]
    [InlineData("/v1/plans/" + Plan + "/pieces/+1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/-1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0x1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/1.0")]
    [InlineData("/v1/plans/" + Plan + "/pieces/%30")]
    [InlineData("/v1/plans/" + Plan + "/pieces/99999999999999999999")]
    [InlineData("/v1/plans/" + Plan + "/pieces/2-1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/1-1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0-16")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0-999999999")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0-1-2")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0-1?parts=0")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?parts=")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?parts=1,1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?parts=2,1")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?parts=1,")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?parts=1&parts=2")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0?path=/etc/passwd")]
    [InlineData("/v1/plans/" + Plan + "/pieces/0#")]
    public async Task What_is_no_digest_and_no_number_is_not_found_and_opens_nothing(string target)
    {
        await using var ground = new PeerGround();
        var fault = new FaultCase(26);
        var piece = ground.Content.AddPiece(0, 10, 10);
        Assert.Equal(404, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, target))));
        fault.Fired();
        fault.Kept(ground.Content.Calls == 0, "what no piece names, unopened,");
        // The node goes on, and gives what it may.
        var answer = await fault.HealsAsync(() => RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, $"/v1/plans/{Plan}/pieces/0")));
        fault.Whole(answer.EndsWith(Encoding.Latin1.GetString([.. piece.SelectMany(part => part)]), StringComparison.Ordinal), "the piece");
        fault.End();
    }

    public static TheoryData<string, int> Malformed => new()
    {
        { "GET v1 HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET http://HOST/v1/plans/" + Plan + "/held HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET * HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.0\r\nHost: HOST\r\n\r\n", 400 },
        { "GET /v1 HTTP/2.0\r\nHost: HOST\r\n\r\n", 400 },
        { "GET /v1\r\nHost: HOST\r\n\r\n", 400 },
        { "get /v1 HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET  /v1 HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nHost: other\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\n folded\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost : HOST\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nno colon\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nX: a\nY: b\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nX: \0\r\n\r\n", 400 },
        { "GET /\u00e4 HTTP/1.1\r\nHost: HOST\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\n\r\nhello", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
        { "\u0016\u0003\u0001\u0002\0\u0001", 400 },
        { "\r\n\r\n", 400 },
        { "GET /v1 HTTP/1.1\r\nHost: HOST\r\nX: " + new string('x', 20_000) + "\r\n\r\n", 431 },
        { "GET /" + new string('x', 200_000), 431 },
    };

    [Theory]
    [Trait("Fault", "26")]
    [MemberData(nameof(Malformed))]
    public async Task What_is_no_request_is_refused_and_the_connection_closed(string text, int status)
    {
        await using var ground = new PeerGround();
        var answer = await RawRequest.SendAsync(ground.Server.Port, text.Replace("HOST", ground.Server.Endpoint, StringComparison.Ordinal));
        Assert.Equal(status, RawRequest.Status(answer));
        Assert.Contains("Connection: close", answer, StringComparison.Ordinal);
        Assert.Equal(0, ground.Content.Calls);
    }

    [Theory]
    [Trait("Fault", "26")]
    [InlineData("HEAD")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("CONNECT")]
    public async Task Only_get_is_known(string method)
    {
        await using var ground = new PeerGround();
        ground.Content.AddPiece(0, 10);
        Assert.Equal(405, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, $"/v1/plans/{Plan}/pieces/0", method))));
        Assert.Equal(0, ground.Content.Calls);
    }

    [Fact]
    [Trait("Fault", "26")]
    public async Task Garbage_behind_a_good_request_is_refused_after_its_answer()
    {
        await using var ground = new PeerGround();
        var bytes = ground.Content.AddPiece(0, 10)[0];
        var good = RawRequest.Signed(ground, $"/v1/plans/{Plan}/pieces/0");
        var answer = await RawRequest.SendAsync(ground.Server.Port, good + good + "SSH-2.0-x\r\n\r\n" + good);
        var statuses = answer.Split("HTTP/1.1 ").Skip(1).Select(part => part[..3]);
        Assert.Equal(["200", "200", "400"], statuses);
        Assert.Contains(Encoding.Latin1.GetString(bytes), answer, StringComparison.Ordinal);
        Assert.Equal(2, ground.Content.Calls);
    }

    [Fact]
    public async Task Checksums_of_the_ranges_come_with_a_piece()
    {
        await using var ground = new PeerGround();
        var parts = ground.Content.AddPiece(0, 10, 0, 20);
        var answer = await RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, $"/v1/plans/{Plan}/pieces/0"));
        Assert.Contains("X-Piece-Checksums: " + string.Join(',', parts.Select(part => $"{Integrity.Crc32C.Of(part):x8}")) + "\r\n", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_is_slow_to_ask_is_hung_up_on()
    {
        var time = new SteppedTime();
        await using var ground = new PeerGround(serverTime: time);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, ground.Server.Port);
        await socket.SendAsync("GET /v1/pl"u8.ToArray());
        await ground.ConnectionsAsync(1);
        // Its deadline may be set a little later than it is counted.
        while (ground.Server.Connections > 0)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    [Fact]
    public async Task Who_takes_nothing_of_an_answer_is_hung_up_on()
    {
        var time = new SteppedTime();
        await using var ground = new PeerGround(serverTime: time);
        ground.Content.AddPiece(0, 50_000_000);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = 4096 };
        await socket.ConnectAsync(IPAddress.Loopback, ground.Server.Port);
        var target = $"/v1/plans/{Plan}/pieces/0";
        var credential = PeerCredential.Sign(PeerSecret.Of(PeerGround.SecretText), "node-b", ground.Server.Endpoint, target, time.GetUtcNow() + PeerCredential.Life);
        await socket.SendAsync(Encoding.ASCII.GetBytes(RawRequest.Get(target, ground.Server.Endpoint, credential)));
        Assert.True(await socket.ReceiveAsync(new byte[10]) > 0);
        // It may be under way still: each step finds it stuck a little later.
        while (ground.Server.Connections > 0)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }
    }

    [Fact]
    public async Task More_connections_than_allowed_are_closed_at_once()
    {
        await using var ground = new PeerGround(new PeerServerOptions { MaxConnections = 2 });
        var sockets = new List<Socket>();
        for (var i = 0; i < 3; i++)
        {
            sockets.Add(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            await sockets[i].ConnectAsync(IPAddress.Loopback, ground.Server.Port);
        }
        Assert.Equal(0, await sockets[2].ReceiveAsync(new byte[1]));
        sockets.ForEach(socket => socket.Dispose());
        await ground.ConnectionsAsync(0);
        Assert.Equal(404, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, "/"))));
    }
}
