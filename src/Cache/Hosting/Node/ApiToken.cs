using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Hosting.Node;

/// <summary>A bearer token of a node's API: made once, shown once; what is kept is its digest.</summary>
internal static class ApiToken
{
    /// <summary>Begins every token, so that one that strayed into a file or a log is known for what it is.</summary>
    public const string Prefix = "dsc_";

    public const string DigestPrefix = "sha256:";

    /// <summary>The words that a token's line may have for its role.</summary>
    public static IReadOnlyList<string> Roles { get; } = ["reader", "operator"];

    /// <summary>32 random bytes: there is nothing to guess, so a plain digest keeps it as well as a slow one would.</summary>
    public static string New() => Prefix + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>What stands in the file that <c>api.tokens</c> names.</summary>
    public static string Line(string name, string role, string token) => $"{name} {role} {DigestPrefix}{Convert.ToHexStringLower(DigestOf(token))}";

    public static byte[] DigestOf(ReadOnlySpan<char> token)
    {
        var bytes = new byte[Encoding.UTF8.GetByteCount(token)];
        Encoding.UTF8.GetBytes(token, bytes);
        return SHA256.HashData(bytes);
    }

    public static bool IsName(string name) => name.Length is > 0 and <= 100 && !name.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or '@'));
}
