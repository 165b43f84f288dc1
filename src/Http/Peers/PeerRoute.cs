using System.Globalization;
using System.Text;

namespace DatasetCache.Http.Peers;

internal enum PeerRouteKind
{
    Manifest,
    Held,
    Pieces,
}

/// <summary>What a request wants. There is exactly one way to write each; no part of it ever becomes a part of a path.</summary>
/// <param name="Digest">Of the manifest document or of the plan: 64 lower-case hex digits.</param>
internal sealed record PeerRoute(PeerRouteKind Kind, string Digest, int First = 0, int Count = 0, IReadOnlyList<int>? Parts = null)
{
    /// <summary>All of a run are open at once: more would be many files.</summary>
    public const int MostPieces = 16;

    private const string Manifests = "/v1/manifests/";
    private const string Plans = "/v1/plans/";
    private const int DigestLength = 64;

    public override string ToString() => Kind switch
    {
        PeerRouteKind.Manifest => Manifests + Digest,
        PeerRouteKind.Held => $"{Plans}{Digest}/held",
        _ => PiecesText(),
    };

    /// <summary>Null for whatever is not one of the three, to the letter.</summary>
    public static PeerRoute? TryParse(string target)
    {
        if (target.StartsWith(Manifests, StringComparison.Ordinal))
            return target[Manifests.Length..] is var digest && IsDigest(digest) ? new PeerRoute(PeerRouteKind.Manifest, digest) : null;
        if (!target.StartsWith(Plans, StringComparison.Ordinal) || target.Length < Plans.Length + DigestLength + 1)
            return null;
        var plan = target.Substring(Plans.Length, DigestLength);
        var rest = target[(Plans.Length + DigestLength)..];
        if (!IsDigest(plan))
            return null;
        const string pieces = "/pieces/";
        return string.Equals(rest, "/held", StringComparison.Ordinal) ? new PeerRoute(PeerRouteKind.Held, plan)
            : rest.StartsWith(pieces, StringComparison.Ordinal) ? ParsePieces(plan, rest[pieces.Length..]) : null;
    }

    public static bool IsDigest(string text) => text.Length == DigestLength && text.All(c => c is (>= '0' and <= '9') or (>= 'a' and <= 'f'));

    private static PeerRoute? ParsePieces(string plan, string text)
    {
        const string query = "?parts=";
        var mark = text.IndexOf(query, StringComparison.Ordinal);
        var range = (mark < 0 ? text : text[..mark]).Split('-');
        if (range.Length > 2 || !TryNumber(range[0], out var first))
            return null;
        var last = first;
        // A lone piece is written as one number.
        if (range.Length == 2 && (!TryNumber(range[1], out last) || last <= first || last - first >= MostPieces))
            return null;
        if (mark < 0)
            return new PeerRoute(PeerRouteKind.Pieces, plan, first, last - first + 1);
        if (last != first)
            return null;
        var parts = new List<int>();
        foreach (var part in text[(mark + query.Length)..].Split(','))
        {
            if (!TryNumber(part, out var number) || (parts.Count > 0 && number <= parts[^1]))
                return null;
            parts.Add(number);
        }
        return new PeerRoute(PeerRouteKind.Pieces, plan, first, 1, parts);
    }

    // Canonical: no sign, no leading zero, nothing that overflows.
    private static bool TryNumber(string text, out int number)
    {
        number = 0;
        return text.Length is > 0 and <= 9 && text.All(char.IsAsciiDigit) && (text.Length == 1 || text[0] != '0')
            && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    private string PiecesText()
    {
        var text = new StringBuilder(Plans).Append(Digest).Append(CultureInfo.InvariantCulture, $"/pieces/{First}");
        if (Count > 1)
            text.Append(CultureInfo.InvariantCulture, $"-{First + Count - 1}");
        if (Parts is not null)
            text.Append("?parts=").AppendJoin(',', Parts);
        return text.ToString();
    }
}
