using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Http.Peers;

/// <summary>
/// The signature of one request: good for this path at this node, for a minute. Whoever picks one up can ask the same node the same thing once more, and nothing else.
/// </summary>
internal static class PeerCredential
{
    public const string Scheme = "DatasetCache ";

    /// <summary>What a client gives a request: enough for it to be read, little for anybody who overhears it.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(30);

    /// <summary>The most that a server accepts, from its own clock, besides <see cref="Skew"/>.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(60);

    /// <summary>How far the clocks of two nodes may be apart without anybody noticing.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);

    private const int SignatureBytes = 32;
    private const int LongestNode = 256;

    /// <summary>The header's value.</summary>
    /// <param name="host">The node that is asked, host:port, as in the request's Host.</param>
    public static string Sign(PeerSecret secret, string node, string host, string target, DateTimeOffset expires, string method = "GET")
    {
        var name = Uri.EscapeDataString(node);
        var until = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Span<byte> signature = stackalloc byte[SignatureBytes];
        secret.Sign(Text(method, target, name, host, until), signature);
        return $"{Scheme}node={name},expires={until},signature={Convert.ToHexStringLower(signature)}";
    }

    /// <param name="self">This server as its peers name it, host:port.</param>
    public static CredentialFault Check(PeerSecret secret, RequestHead request, string self, DateTimeOffset now)
    {
        if (request.Authorization is not { } header)
            return CredentialFault.Missing;
        if (!header.StartsWith(Scheme, StringComparison.Ordinal))
            return CredentialFault.Invalid;
        var fields = header[Scheme.Length..].Split(',');
        if (fields.Length != 3 || !Field(fields[0], "node=", out var node) || !Field(fields[1], "expires=", out var until) || !Field(fields[2], "signature=", out var hex))
            return CredentialFault.Invalid;
        Span<byte> given = stackalloc byte[SignatureBytes];
        if (node.Length > LongestNode || hex.Length != 2 * SignatureBytes || Convert.FromHexString(hex, given, out _, out _) != System.Buffers.OperationStatus.Done)
            return CredentialFault.Invalid;
        Span<byte> right = stackalloc byte[SignatureBytes];
        secret.Sign(Text(request.Method, request.Target, node, request.Host, until), right);
        if (!CryptographicOperations.FixedTimeEquals(given, right))
            return CredentialFault.Invalid;
        // From here on it was made by somebody who knows the secret, and may be told what is wrong.
        if (!string.Equals(request.Host, self, StringComparison.OrdinalIgnoreCase))
            return CredentialFault.OtherHost;
        if (!long.TryParse(until, NumberStyles.None, CultureInfo.InvariantCulture, out var expires))
            return CredentialFault.Invalid;
        var left = expires - now.ToUnixTimeSeconds();
        return left < -Skew.TotalSeconds || left > (LongestLife + Skew).TotalSeconds ? CredentialFault.Clock : CredentialFault.None;
    }

    private static bool Field(string text, string name, out string value)
    {
        var fits = text.StartsWith(name, StringComparison.Ordinal);
        value = fits ? text[name.Length..] : "";
        return fits && value.Length > 0;
    }

    private static byte[] Text(string method, string target, string node, string host, string expires) =>
        Encoding.UTF8.GetBytes($"DatasetCache peer 1\n{method}\n{target}\n{node}\n{host.ToLowerInvariant()}\n{expires}");
}

internal enum CredentialFault
{
    None,
    Missing,
    /// <summary>Not understood, or not signed with this cluster's secret for this request.</summary>
    Invalid,
    /// <summary>Signed rightly, for another node.</summary>
    OtherHost,
    /// <summary>Signed rightly, expired or from the future: old, or the clocks disagree.</summary>
    Clock,
}
