using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
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
        using var authority = Authority("ours");
        using var certificate = Issue(authority, "127.0.0.1");
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
        using var authority = Authority("ours");
        using var other = Authority("theirs");
        using var certificate = Issue(authority, "127.0.0.1");
        using var foreign = Issue(other, "127.0.0.1");
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
        using var authority = Authority("ours");
        using var other = Authority("theirs");
        using var right = Issue(authority, "127.0.0.1");
        using var wrong = Issue(issuer == "ours" ? authority : other, name);
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
        using var authority = Authority("ours");
        using var certificate = Issue(authority, "127.0.0.1");
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
        using var authority = Authority("ours");
        using var certificate = Issue(authority, "127.0.0.1");
        var tls = Tls(certificate, authority, mutual: true);
        await using var ground = new PeerGround(new PeerServerOptions { Tls = tls }, PeerGround.Patient with { Tls = tls }, secret: new string('x', 32));
        ground.Content.AddPiece(0, 10);
        var failure = await Assert.ThrowsAsync<PeerException>(() => ground.ReadAsync(0, 1, 10));
        Assert.Contains("same cluster secret", failure.Message, StringComparison.Ordinal);
        Assert.Equal(0, ground.Content.Calls);
    }

    private static PeerTls Tls(X509Certificate2 certificate, X509Certificate2 authority, bool mutual) =>
        new() { Certificate = certificate, Authorities = [X509CertificateLoader.LoadCertificate(authority.RawData)], RequiresClientCertificate = mutual };

    private static X509Certificate2 Authority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        return request.CreateSelfSigned(Time.GetUtcNow().AddHours(-1), Time.GetUtcNow().AddHours(1));
    }

    private static X509Certificate2 Issue(X509Certificate2 authority, string address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using var issued = request.Create(authority, Time.GetUtcNow().AddHours(-1), Time.GetUtcNow().AddMinutes(50), [1, 2, 3]);
        return issued.CopyWithPrivateKey(key);
    }
}
