using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Http.Peers;

/// <summary>What all nodes of a cluster share and nobody else knows: it signs their requests to each other. It never shows itself.</summary>
public sealed class PeerSecret
{
    /// <summary>Bytes that a secret has at least: as many as the hash that it keys.</summary>
    public const int LeastBytes = 32;

    private readonly byte[] key;

    /// <exception cref="ConfigurationException">It is shorter than <see cref="LeastBytes"/>.</exception>
    public PeerSecret(ReadOnlySpan<byte> key)
    {
        if (key.Length < LeastBytes)
        {
            throw new ConfigurationException("cluster.secret", $"The cluster's secret (cluster.secret) has {key.Length} bytes; it needs {LeastBytes} or more.",
                "Make one with 'openssl rand -hex 32' and give the same to every node.");
        }
        this.key = key.ToArray();
    }

    /// <param name="text">Its UTF-8 bytes are the secret; white space around it, as a file's last line end, is not.</param>
    public static PeerSecret Of(string text) => new(Encoding.UTF8.GetBytes(text.Trim()));

    public override string ToString() => "(secret)";

    /// <summary>A key of 32 bytes for another use, from which neither this secret nor what it signs follows.</summary>
    internal byte[] Derive(string purpose) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes("DatasetCache key 1\n" + purpose));

    internal void Sign(ReadOnlySpan<byte> text, Span<byte> signature) => HMACSHA256.HashData(key, text, signature);
}
