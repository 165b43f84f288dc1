using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace DatasetCache.Http.Peers;

/// <summary>TLS between nodes. Requests carry the cluster's credential all the same.</summary>
public sealed record PeerTls
{
    /// <summary>This node's certificate with its private key: as a server, and as a client where that is asked for.</summary>
    public required X509Certificate2 Certificate { get; init; }

    /// <summary>The authorities that other nodes' certificates have to come from. The system's own are not believed.</summary>
    public required X509Certificate2Collection Authorities { get; init; }

    /// <summary>Whether a client has to show a certificate of these authorities, too. Default: false.</summary>
    public bool RequiresClientCertificate { get; init; }

    internal SslServerAuthenticationOptions ForServer() => new()
    {
        ServerCertificate = Certificate,
        ClientCertificateRequired = RequiresClientCertificate,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        CertificateChainPolicy = Policy("1.3.6.1.5.5.7.3.2"),
        // Without one that was asked for: NotAvailable, which is refused like any other error.
        RemoteCertificateValidationCallback = RequiresClientCertificate ? static (_, _, _, errors) => errors == SslPolicyErrors.None : null,
    };

    internal SslClientAuthenticationOptions ForClient(string host) => new()
    {
        TargetHost = host,
        ClientCertificates = [Certificate],
        LocalCertificateSelectionCallback = (_, _, _, _, _) => Certificate,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        CertificateChainPolicy = Policy("1.3.6.1.5.5.7.3.1"),
    };

    private X509ChainPolicy Policy(string use)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        policy.CustomTrustStore.AddRange(Authorities);
        policy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid(use));
        return policy;
    }
}
