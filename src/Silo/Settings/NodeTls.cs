using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using DatasetCache.Http.Peers;

namespace DatasetCache.Silo.Settings;

/// <summary>Mutual TLS between nodes, for Orleans' ports and for the data plane.</summary>
internal sealed record NodeTls(X509Certificate2 Certificate, X509Certificate2Collection Authorities)
{
    /// <exception cref="CryptographicException">What stands in a file is not what it should be.</exception>
    public static NodeTls Load(string certificate, string key, string authorities)
    {
        var own = X509Certificate2.CreateFromPemFile(certificate, key);
        var trusted = new X509Certificate2Collection();
        trusted.ImportFromPemFile(authorities);
        return trusted.Count > 0 ? new NodeTls(own, trusted) : throw new CryptographicException($"{authorities} holds no certificate");
    }

    public PeerTls ForPeers() => new() { Certificate = Certificate, Authorities = Authorities, RequiresClientCertificate = true };

    /// <summary>Whether a certificate comes from one of the authorities. Names are not looked at: whoever has such a certificate is a node.</summary>
    public bool Trusts(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        return chain.Build(certificate);
    }
}
