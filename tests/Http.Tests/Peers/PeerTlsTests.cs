using System.Security.Cryptography.X509Certificates;
using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class PeerTlsTests
{
    private static readonly TimeProvider Time = TimeProvider.System;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Pieces_travel_through_tls(bool mutual)
    {
        using var authority = new TestAuthority("ours");
        using var certificate = authority.Issue("127.0.0.1");
        var tls = Tls(certificate, authority, mutual);
        await using var ground = new PeerGround(new PeerServerOptions { Tls = tls }, PeerGround.Patient with { Tls = tls });
        byte[] bytes = [.. ground.Content.AddPiece(0, 1_000_000, 5, 300_000).SelectMany(part => part)];
        for (var i = 0; i < 3; i++)
            Assert.Equal(bytes, await ground.ReadAsync(0, 1, bytes.Length));
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task Without_a_certificate_of_the_clusters_authority_nobody_gets_in_where_one_is_asked_for()
    {
        using var authority = new TestAuthority("ours");
        using var other = new TestAuthority("theirs");
        using var certificate = authority.Issue("127.0.0.1");
        using var foreign = other.Issue("127.0.0.1");
        await using var ground = new PeerGround(new PeerServerOptions { Tls = Tls(certificate, authority, mutual: true) }, PeerGround.Patient with { Tls = Tls(foreign, authority, mutual: true) });
        ground.Content.AddPiece(0, 10);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 10));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Equal(0, ground.Content.Calls);
    }

    [Theory]
    [Trait("Fault", "25")]
    [InlineData("theirs", "127.0.0.1")]
    [InlineData("ours", "10.9.8.7")]
    public async Task A_server_of_another_authority_or_name_is_not_believed(string issuer, string name)
    {
        using var authority = new TestAuthority("ours");
        using var other = new TestAuthority("theirs");
        using var right = authority.Issue("127.0.0.1");
        using var wrong = (issuer == "ours" ? authority : other).Issue(name);
        await using var ground = new PeerGround(new PeerServerOptions { Tls = Tls(wrong, authority, mutual: false) }, PeerGround.Patient with { Tls = Tls(right, authority, mutual: false) });
        ground.Content.AddPiece(0, 10);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 10));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Equal(0, ground.Content.Calls);
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task Who_speaks_plainly_to_a_tls_server_learns_nothing()
    {
        using var authority = new TestAuthority("ours");
        using var certificate = authority.Issue("127.0.0.1");
        await using var ground = new PeerGround(new PeerServerOptions { Tls = Tls(certificate, authority, mutual: false) });
        ground.Content.AddPiece(0, 10);
        Assert.DoesNotContain("HTTP", await RawRequest.SendAsync(ground.Server.Port, RawRequest.Signed(ground, $"/v1/plans/{FakeContent.Plan}/pieces/0")), StringComparison.Ordinal);
        await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 10));
        Assert.Equal(0, ground.Content.Calls);
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task A_certificate_is_no_credential()
    {
        using var authority = new TestAuthority("ours");
        using var certificate = authority.Issue("127.0.0.1");
        var tls = Tls(certificate, authority, mutual: true);
        await using var ground = new PeerGround(new PeerServerOptions { Tls = tls }, PeerGround.Patient with { Tls = tls }, secret: new string('x', 32));
        ground.Content.AddPiece(0, 10);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 10));
        Assert.Contains("same cluster secret", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, ground.Content.Calls);
    }

    private static PeerTls Tls(X509Certificate2 certificate, TestAuthority authority, bool mutual) =>
        new() { Certificate = certificate, Authorities = authority.Public, RequiresClientCertificate = mutual };
}
