using System.Security.Cryptography;
using System.Text;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Http.Access;

/// <summary>Who may use a node, as the file <c>api.tokens</c> says: a line <c>name role sha256:HEX</c> for each; empty lines and such that begin with '#' are passed over.</summary>
internal sealed class TokenList
{
    private readonly Entry[] entries;

    private TokenList(Entry[] entries) => this.entries = entries;

    public static TokenList None { get; } = new([]);

    public int Count => entries.Length;

    /// <exception cref="FormatException">A line is none; its number and what is wrong, and never the line itself: a person may have put the token there.</exception>
    public static TokenList Parse(ReadOnlySpan<byte> text)
    {
        var entries = new List<Entry>();
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(text).Split('\n'))
        {
            number++;
            var words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0 || words[0].StartsWith('#'))
                continue;
            entries.Add(words is [var name, var role, var digest] ? Of(name, role, digest, number) : throw Wrong(number, "it must be 'name role sha256:HEX'"));
        }
        return new TokenList([.. entries]);
    }

    /// <summary>Takes as long whichever it is, and whether it is one.</summary>
    public Credential? Find(ReadOnlySpan<char> presented)
    {
        if (presented.Length is 0 or > 1000)
            return null;
        Span<byte> digest = ApiToken.DigestOf(presented);
        Entry? found = null;
        foreach (var entry in entries)
        {
            if (CryptographicOperations.FixedTimeEquals(entry.Digest, digest))
                found = entry;
        }
        return found?.Credential;
    }

    /// <summary>The same credential as it is now; null where it is gone.</summary>
    public Credential? Refresh(Credential credential) => entries.FirstOrDefault(entry => string.Equals(entry.Credential.Id, credential.Id, StringComparison.Ordinal))?.Credential;

    private static Entry Of(string name, string role, string digest, int line)
    {
        if (!ApiToken.IsName(name))
            throw Wrong(line, "the name must be 1 to 100 of A-Z, a-z, 0-9, '.', '-', '_' and '@'");
        var meant = role switch
        {
            "reader" => Role.Reader,
            "operator" => Role.Operator,
            "peer" => throw Wrong(line, "nodes know each other by cluster.secret and have no tokens"),
            _ => throw Wrong(line, "the role must be reader or operator"),
        };
        if (!digest.StartsWith(ApiToken.DigestPrefix, StringComparison.Ordinal) || digest.Length != ApiToken.DigestPrefix.Length + 64 || digest.AsSpan(ApiToken.DigestPrefix.Length).ContainsAnyExcept("0123456789abcdefABCDEF"))
            throw Wrong(line, "the token's digest must be 'sha256:' and 64 hexadecimal digits");
        var bytes = Convert.FromHexString(digest.AsSpan(ApiToken.DigestPrefix.Length));
        return new Entry(bytes, new Credential(name, meant, Convert.ToHexStringLower(bytes)));
    }

    private static FormatException Wrong(int line, string why) => new($"line {line}: {why}");

    private sealed record Entry(byte[] Digest, Credential Credential);
}

/// <summary>Somebody whose token was right.</summary>
/// <param name="Name">For the log of what operators do.</param>
/// <param name="Id">Tells it from others of the same name.</param>
internal sealed record Credential(string Name, Role Role, string Id);
