using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class PeerCredentialTests
{
    private const string Plan = FakeContent.Plan;

    public static TheoryData<string> Targets => [$"/v1/manifests/{Plan}", $"/v1/plans/{Plan}/held", $"/v1/plans/{Plan}/pieces/0", $"/v1/plans/{Plan}/pieces/0-3", $"/v1/plans/{Plan}/pieces/0?parts=0", "/", "/v1/other", "/v1/plans/../../etc/passwd"];

    [FaultTheory(25)]
    [MemberData(nameof(Targets))]
    public async Task Without_a_good_credential_every_route_says_401_and_opens_nothing(string target)
    {
        await using var ground = new PeerGround();
        var fault = new FaultCase(25);
        ground.Content.AddPiece(0, 1000);
        var (secret, host, now) = (PeerSecret.Of(PeerGround.SecretText), ground.Server.Endpoint, TimeProvider.System.GetUtcNow());
        var soon = now + PeerCredential.Life;
        var good = PeerCredential.Sign(secret, "node-b", host, target, soon);
        string?[] bad =
        [
            null,
            "",
            "Bearer " + PeerGround.SecretText,
            "DatasetCache node=node-b,expires=9999999999,signature=",
            good[..^1],
            good[..^1] + (good[^1] == '0' ? '1' : '0'),
            good + ",more=1",
            good.Replace("node-b", "node-c", StringComparison.Ordinal),
            good.Replace("expires=1", "expires=2", StringComparison.Ordinal),
            // Of another cluster.
            PeerCredential.Sign(PeerSecret.Of(new string('x', 32)), "node-b", host, target, soon),
            // For another path, another node.
            PeerCredential.Sign(secret, "node-b", host, target + "0", soon),
            PeerCredential.Sign(secret, "node-b", "10.0.0.1:80", target, soon),
            // Old, and from the future.
            PeerCredential.Sign(secret, "node-b", host, target, now - TimeSpan.FromSeconds(40)),
            PeerCredential.Sign(secret, "node-b", host, target, now + TimeSpan.FromSeconds(130)),
        ];
        foreach (var authorization in bad)
        {
            foreach (var method in new[] { "GET", "PUT", "HEAD", "DELETE" })
            {
                fault.Fired();
                Assert.Equal(401, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, host, authorization, method))));
            }
        }
        // Signed rightly for another node, and sent on to this one.
        Assert.Equal(401, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, "10.0.0.1:80", PeerCredential.Sign(secret, "node-b", "10.0.0.1:80", target, soon)))));
        // For another method, either way.
        foreach (var method in new[] { "PUT", "HEAD", "DELETE" })
            Assert.Equal(401, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, host, good, method))));
        Assert.Equal(401, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, host, PeerCredential.Sign(secret, "node-b", host, target, soon, "PUT")))));
        fault.Kept(ground.Content.Calls == 0, "what he may not see, unopened,");
        Assert.NotEqual(401, RawRequest.Status(await fault.HealsAsync(() => RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, host, good)))));
        fault.End();
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task A_node_of_another_cluster_is_told_so()
    {
        await using var ground = new PeerGround(secret: new string('x', 32));
        ground.Content.AddPiece(0, 1000);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 1000));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains("same cluster secret", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, ground.Content.Calls);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    [Trait("Fault", "16")]
    public async Task A_clock_that_is_an_hour_off_is_noticed_and_worked_around(int hours)
    {
        var (here, there) = (new SteppedTime(), new SteppedTime { Off = TimeSpan.FromHours(hours) });
        await using var ground = new PeerGround(serverTime: there, clientTime: here);
        var bytes = ground.Content.AddPiece(0, 1000)[0];
        for (var i = 0; i < 3; i++)
            Assert.Equal(bytes, await ground.ReadAsync(0, 1, 1000));
        Assert.Single(ground.Log.Lines, line => line.StartsWith("3121", StringComparison.Ordinal));
        // Somebody sets the clock right: noticed as well.
        there.Off = TimeSpan.Zero;
        Assert.Equal(bytes, await ground.ReadAsync(0, 1, 1000));
    }

    [Fact]
    [Trait("Fault", "16")]
    public async Task A_clock_that_is_days_off_is_said_in_words()
    {
        await using var ground = new PeerGround(serverTime: new SteppedTime { Off = TimeSpan.FromDays(3) }, clientTime: new SteppedTime());
        ground.Content.AddPiece(0, 1000);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 1000));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains("2026-01-04", failure.Message, StringComparison.Ordinal);
        Assert.Contains("2026-01-01", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, ground.Content.Calls);
    }

    [Fact]
    [Trait("Fault", "27")]
    public async Task Neither_the_secret_nor_a_signature_shows_anywhere()
    {
        await using var ground = new PeerGround(secret: new string('x', 32));
        ground.Content.AddPiece(0, 1000);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 1000));
        var target = $"/v1/plans/{Plan}/held";
        var credential = PeerCredential.Sign(PeerSecret.Of(PeerGround.SecretText), "node-b", ground.Server.Endpoint, target, TimeProvider.System.GetUtcNow() + PeerCredential.Life);
        var answer = await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, ground.Server.Endpoint, credential));
        var signature = credential[^64..];
        Assert.NotEmpty(ground.Log.Lines);
        foreach (var text in ground.Log.Lines.Append(failure.ToString()).Append(answer).Append(PeerSecret.Of(PeerGround.SecretText).ToString()))
        {
            Assert.DoesNotContain("canary", text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(signature, text, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain("signature=", text, StringComparison.OrdinalIgnoreCase);
        }
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task Nobody_fills_the_log_by_being_refused()
    {
        var time = new SteppedTime();
        await using var ground = new PeerGround(serverTime: time);
        for (var i = 0; i < 20; i++)
            Assert.Equal(401, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get("/", ground.Server.Endpoint, authorization: null))));
        Assert.Single(ground.Log.Lines);
        time.Advance(TimeSpan.FromSeconds(2));
        await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get("/", ground.Server.Endpoint, authorization: null));
        Assert.Equal(2, ground.Log.Lines.Count);
    }

    [Fact]
    public void A_short_secret_is_refused_in_words_that_do_not_repeat_it()
    {
        var failure = Assert.Throws<ConfigurationException>(() => PeerSecret.Of("canary"));
        Assert.Contains("32", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", failure.ToString() + failure.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_with_an_odd_name_is_understood()
    {
        await using var ground = new PeerGround();
        var target = $"/v1/plans/{Plan}/held";
        var credential = PeerCredential.Sign(PeerSecret.Of(PeerGround.SecretText), "a,b=\"ü\r\n", ground.Server.Endpoint, target, TimeProvider.System.GetUtcNow() + PeerCredential.Life);
        Assert.Equal(404, RawRequest.Status(await RawRequest.SendAsync(ground.Server.Port, RawRequest.Get(target, ground.Server.Endpoint, credential))));
    }
}
