using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DatasetCache.Configuration;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Serving;
using DatasetCache.Http.Tests.Access;
using DatasetCache.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace DatasetCache.Http.Tests.Serving;

public sealed class ServingSettingsTests : IDisposable
{
    private readonly TempFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("127.0.0.1:80", "127.0.0.1", 80, null)]
    [InlineData("http://127.0.0.1:80/", "127.0.0.1", 80, false)]
    [InlineData("https://[::1]:443", "::1", 443, true)]
    [InlineData("localhost", "127.0.0.1", null, null)]
    [InlineData("::", "::", null, null)]
    [InlineData("http://*:80", "::", 80, false)]
    [InlineData("10.1.0.7", "10.1.0.7", null, null)]
    public void Where_to_listen_is_read_as_people_write_it(string text, string address, int? port, bool? https)
    {
        Assert.True(ListenAddress.TryParse(text, out var read));
        Assert.Equal(new ListenAddress(IPAddress.Parse(address), port, https), read);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":80")]
    [InlineData("127.0.0.1:70000")]
    [InlineData("127.0.0.1:")]
    [InlineData("example.com:80")]
    [InlineData("http://127.0.0.1:80/path")]
    [InlineData("ftp://127.0.0.1")]
    public void What_is_no_address_is_none(string text) => Assert.False(ListenAddress.TryParse(text, out _));

    [Theory]
    [InlineData("", "127.0.0.1:4680", null)]
    [InlineData("api.port=0", "127.0.0.1:0", null)]
    [InlineData("api.listen=http://127.0.0.1:99", "127.0.0.1:99", null)]
    [InlineData("api.listen=10.1.0.7 api.tokens=TOKENS api.plain=true", "127.0.0.1:4680", "10.1.0.7:4680")]
    [InlineData("api.listen=0.0.0.0:4680 api.tokens=TOKENS api.plain=true", "127.0.0.1:0", "0.0.0.0:4680")]
    [InlineData("api.listen=0.0.0.0:80 api.tokens=TOKENS api.tls.certificate=CERT api.tls.key=KEY", "127.0.0.1:4680", "0.0.0.0:80")]
    [InlineData("api.listen=https://127.0.0.1:80 api.tls.certificate=CERT api.tls.key=KEY", "127.0.0.1:4680", "127.0.0.1:80")]
    public void Where_a_node_listens(string settings, string local, string? open)
    {
        var (read, errors) = Read(settings);

        Assert.Empty(errors.All);
        Assert.Equal((local, open), (read.Local.ToString(), read.Open?.ToString()));
    }

    [Theory]
    [InlineData("api.listen=10.1.0.7:80", "whoever reaches it would need no credential", "there is no TLS")]
    [InlineData("api.listen=10.1.0.7:80 api.plain=true", "api.tokens is not set")]
    [InlineData("api.listen=10.1.0.7:80 api.tokens=TOKENS", "there is no TLS")]
    [InlineData("api.listen=10.1.0.7:80 api.tokens=EMPTY api.plain=true", "there is no token in it")]
    [InlineData("api.listen=10.1.0.7:80 api.tokens=NOWHERE api.plain=true", "cannot be used")]
    [InlineData("api.listen=10.1.0.7:80 api.tokens=TOKENS api.tls.certificate=CERT", "api.tls.key is not: TLS needs both")]
    [InlineData("api.listen=10.1.0.7:80 api.tokens=TOKENS api.tls.certificate=CERT api.tls.key=TOKENS", "cannot be used")]
    [InlineData("api.tls.certificate=CERT api.tls.key=KEY", "api.listen is not")]
    [InlineData("api.listen=https://10.1.0.7:80 api.tokens=TOKENS api.plain=true", "say http, or set it")]
    [InlineData("api.listen=0.0.0.0:80 api.port=80 api.tokens=TOKENS api.plain=true", "needs another one, or 0")]
    [InlineData("api.listen=here", "such as 127.0.0.1:4680")]
    public void What_would_let_anybody_in_or_makes_no_sense_is_refused_with_words(string settings, params string[] said)
    {
        var (_, errors) = Read(settings);

        Assert.Equal(said.Length, errors.All.Count);
        foreach (var (text, error) in said.Zip(errors.All.OrderByDescending(error => error.Setting, StringComparer.Ordinal)))
            Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Through_tls_a_cookie_is_for_tls_alone_and_a_renewed_certificate_counts()
    {
        var (certificate, key) = MakeCertificate("first");
        var time = new SteppedClock();
        var tls = ApiTls.Open(certificate, key, time);
        var serving = new ServingSettings { NodeId = "node", LeaseTtl = TimeSpan.FromMinutes(1), Local = new IPEndPoint(IPAddress.Loopback, 0), Open = new IPEndPoint(IPAddress.Loopback, 0), Tls = tls };
        await using var ground = await AccessGround.StartAsync(serving.Access, serving);
        Assert.Equal("https", ground.Url.Scheme);
        var answered = await ground.SendAsync("POST", "/login", body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded");
        Assert.StartsWith("__Host-dscache-", answered.Headers["Set-Cookie"], StringComparison.Ordinal);
        Assert.Contains("; secure", answered.Headers["Set-Cookie"], StringComparison.OrdinalIgnoreCase);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + answered.Headers["Set-Cookie"].Split(';')[0])).Status);

        Assert.Equal("CN=first", SubjectOf(tls));
        MakeCertificate("second");
        Assert.Equal("CN=first", SubjectOf(tls));
        time.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=second", SubjectOf(tls));
        File.WriteAllText(certificate, "nothing");
        time.Pass(TimeSpan.FromMinutes(1));
        Assert.Equal("CN=second", SubjectOf(tls));
    }

    private static string SubjectOf(ApiTls tls) => tls.ForConnection(NullLogger.Instance).ServerCertificateContext!.TargetCertificate.Subject;

    private (ServingSettings Read, SettingErrors Errors) Read(string settings)
    {
        folder.Write("EMPTY", "# nobody\n");
        folder.Write("TOKENS", ApiToken.Line("rita", "reader", ApiToken.New()) + "\n");
        MakeCertificate("node");
        var node = settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1].All(char.IsAsciiLetterUpper) ? folder[pair[1]] : pair[1]);
        var arguments = new NodeArguments(new Dictionary<string, string> { [SettingTable.CacheRoot] = folder.Path }, node, WantsHelp: false);
        var configuration = NodeConfiguration.Read(arguments, _ => null, []);
        return (ServingSettings.Read(configuration), configuration.Errors);
    }

    private (string Certificate, string Key) MakeCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var made = new CertificateRequest("CN=" + name, key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
        return (folder.Write("CERT", made.ExportCertificatePem()), folder.Write("KEY", key.ExportPkcs8PrivateKeyPem()));
    }
}
