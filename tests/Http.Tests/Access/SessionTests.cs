using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Http.Access;

namespace DatasetCache.Http.Tests.Access;

public sealed class SessionTests
{
    [Fact]
    public async Task Who_logs_in_again_has_one_session_and_each_node_of_a_host_its_own_cookie()
    {
        await using var ground = await AccessGround.StartAsync();
        var first = await ground.LogInAsync(ground.NodeToken);
        var again = await ground.SendAsync("POST", "/login", body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded", headers: ["Sec-Fetch-Site: same-origin", "Cookie: " + first]);
        var second = again.Headers["Set-Cookie"].Split(';')[0];

        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + first)).Status);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + second)).Status);
        // Cookies know no ports.
        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"dscache-{ground.Url.Port}="), second, StringComparison.Ordinal);
    }

    [Fact]
    public void However_many_log_in_the_oldest_sessions_end_first()
    {
        var clock = new SteppedClock();
        var sessions = new Sessions(clock);
        var credential = new Credential("rita", Role.Reader, "1");
        var oldest = sessions.Begin(credential);
        for (var i = 0; i < 9_999; i++)
        {
            clock.Pass(TimeSpan.FromMilliseconds(1));
            sessions.Begin(credential);
        }
        Assert.NotNull(sessions.Find(oldest));
        clock.Pass(TimeSpan.FromMilliseconds(1));
        var youngest = sessions.Begin(credential);

        Assert.Null(sessions.Find(oldest));
        Assert.NotNull(sessions.Find(youngest));
    }

    [Fact]
    [Trait("Fault", "27")]
    public async Task A_request_that_is_none_is_not_logged_with_its_address()
    {
        await using var ground = await AccessGround.StartAsync();
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, ground.Url.Port, TestContext.Current.CancellationToken);
        await socket.SendAsync(Encoding.ASCII.GetBytes("GET/?token=canary-raw HTTP/1.1\r\n\r\n"), TestContext.Current.CancellationToken);
        var answer = new byte[100];
        Assert.True(await socket.ReceiveAsync(answer, TestContext.Current.CancellationToken) > 0);

        Assert.DoesNotContain("canary-raw", ground.Log.All, StringComparison.Ordinal);
    }
}
