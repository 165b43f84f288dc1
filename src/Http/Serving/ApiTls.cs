using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Serving;

/// <summary>The certificate of the HTTP API, read again when it was renewed. A broken new one changes nothing.</summary>
internal sealed partial class ApiTls
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMinutes(1);

    private readonly string certificate;
    private readonly string key;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private SslStreamCertificateContext context;
    private byte[] read;
    private long looked;

    private ApiTls(string certificate, string key, TimeProvider time)
    {
        (this.certificate, this.key, this.time) = (certificate, key, time);
        (context, read) = (Load(), File.ReadAllBytes(certificate));
        looked = time.GetTimestamp();
    }

    /// <exception cref="CryptographicException">What stands in a file is not what it should be.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file cannot be read.</exception>
    public static ApiTls Open(string certificate, string key, TimeProvider time) => new(certificate, key, time);

    public SslServerAuthenticationOptions ForConnection(ILogger logger)
    {
        lock (gate)
        {
            if (time.GetElapsedTime(looked) >= LookEvery)
                Look(logger);
            return new SslServerAuthenticationOptions { ServerCertificateContext = context };
        }
    }

    private void Look(ILogger logger)
    {
        looked = time.GetTimestamp();
        try
        {
            var now = File.ReadAllBytes(certificate);
            if (now.AsSpan().SequenceEqual(read))
                return;
            (context, read) = (Load(), now);
            Renewed(logger, certificate);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            Kept(logger, certificate, key, e.Message);
        }
    }

    private SslStreamCertificateContext Load()
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(certificate);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPemFile(certificate, key), chain, offline: true);
    }

    [LoggerMessage(231, LogLevel.Information, "The certificate {File} was renewed")]
    private static partial void Renewed(ILogger logger, string file);

    [LoggerMessage(232, LogLevel.Error, "The certificate {File} with {Key} cannot be used, and the one from before stays: {Reason}")]
    private static partial void Kept(ILogger logger, string file, string key, string reason);
}
