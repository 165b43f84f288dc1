using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace DatasetCache.Testing;

/// <summary>An authority that issues certificates to nodes, for an hour.</summary>
public sealed class TestAuthority : IDisposable
{
    private readonly DateTimeOffset now = TimeProvider.System.GetUtcNow();

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        Certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddHours(1));
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>What those who believe it are given.</summary>
    public X509Certificate2Collection Public => [X509CertificateLoader.LoadCertificate(Certificate.RawData)];

    /// <summary>A node's, for both sides of a connection.</summary>
    public X509Certificate2 Issue(string address)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=node", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Parse(address));
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
        using var issued = request.Create(Certificate, now.AddHours(-1), now.AddMinutes(50), [1, 2, 3]);
        return issued.CopyWithPrivateKey(key);
    }

    /// <summary>Writes a node's certificate, its key and the authority that it shall believe into a folder.</summary>
    public (string Certificate, string Key, string Authorities) WriteFor(string address, string folder, TestAuthority? believes = null)
    {
        Directory.CreateDirectory(folder);
        using var issued = Issue(address);
        using var key = issued.GetECDsaPrivateKey()!;
        var files = (Path.Join(folder, "node.pem"), Path.Join(folder, "node.key"), Path.Join(folder, "authorities.pem"));
        File.WriteAllText(files.Item1, issued.ExportCertificatePem());
        File.WriteAllText(files.Item2, key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(files.Item3, (believes ?? this).Certificate.ExportCertificatePem());
        return files;
    }

    public void Dispose() => Certificate.Dispose();
}
