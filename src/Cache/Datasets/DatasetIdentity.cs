using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Datasets;

/// <summary>
/// What makes two requests mean the same cache entry, and what that entry is called. The identity is made of full values; the name is short, for
/// people and folders, and two identities may share it: whoever stores entries compares <see cref="Digest"/> and takes the next of <see cref="Names"/>.
/// </summary>
public sealed class DatasetIdentity
{
    private const int LongestName = 100;
    private const int LongestId = 255;
    private const int ShortDigits = 8;
    private const int HashDigits = 64;

    private readonly string label;
    private readonly string hint;

    private DatasetIdentity(string canonical, string label, string hint, bool needsDigest, string? versionHash)
    {
        Canonical = canonical;
        Digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)));
        this.label = label;
        this.hint = hint;
        VersionHash = versionHash;
        ShortName = needsDigest ? Grown(ShortDigits) : Compose(hint);
    }

    /// <summary>The identity as text: a line per value, each with its length in bytes of UTF-8, so that no value can pass for two.</summary>
    public string Canonical { get; }

    /// <summary>SHA-256 of <see cref="Canonical"/>, 64 lower-case hex digits.</summary>
    public string Digest { get; }

    /// <summary>
    /// <c>snap_2b2fca921e88_1bb25f37</c>: snapshot and the first 8 digits of the version hash. A selection other than the default, or a missing hash, puts
    /// 8 digits of <see cref="Digest"/> at the end; a mutable dataset is named by its folder and its content. Only A–Z a–z 0–9 . _ -, at most 100
    /// characters, never '.' or '-' first.
    /// </summary>
    public string ShortName { get; }

    /// <summary>The version hash that was asked for, in lower case; null where none was.</summary>
    public string? VersionHash { get; }

    /// <summary>The names to try in turn, the short one first; the last one no other identity can have.</summary>
    public IEnumerable<string> Names => new[] { ShortName, Grown(ShortDigits), Grown(16), Grown(HashDigits) }.Distinct(StringComparer.Ordinal);

    /// <summary>The name with <paramref name="digits"/> digits (8, 16 or 64) of the identity's digest at its end.</summary>
    public string Grown(int digits)
    {
        if (digits is not (ShortDigits or 16 or HashDigits))
            throw new ArgumentOutOfRangeException(nameof(digits), digits, "8, 16 or 64.");
        return Compose(hint + "_" + Digest[..digits]);
    }

    /// <param name="originIdentity"><see cref="Origins.IOrigin.Identity"/>.</param>
    /// <param name="datasetPrefix">The dataset's place at the origin: empty, or ending in '/'. It stands for <see cref="DatasetRef.DatasetId"/>.</param>
    /// <param name="dataset">Whose snapshot, hash and selection count.</param>
    /// <param name="contentDigest">Of a mutable dataset (one without a snapshot), and only of such: <see cref="Manifest.Digest"/>.</param>
    /// <exception cref="InvalidRequestException">A snapshot id, dataset id, hash or glob cannot be one; the message names it.</exception>
    public static DatasetIdentity Create(string originIdentity, string datasetPrefix, DatasetRef dataset, string? contentDigest = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(originIdentity);
        ArgumentNullException.ThrowIfNull(datasetPrefix);
        ArgumentNullException.ThrowIfNull(dataset);
        if (datasetPrefix.Length > 0 && !datasetPrefix.EndsWith('/'))
            throw new ArgumentException("A dataset's prefix is empty or ends in '/'.", nameof(datasetPrefix));
        if (dataset.SnapshotId is null != contentDigest is not null)
            throw new ArgumentException("A content digest belongs to a dataset without a snapshot, and to no other.", nameof(contentDigest));
        if (contentDigest is not null && !IsHash(contentDigest))
            throw new ArgumentException("A content digest is 64 hex digits.", nameof(contentDigest));

        RefuseBadId("snapshot id", dataset.SnapshotId);
        RefuseBadId("dataset id", dataset.DatasetId);
        RefuseBadText("origin", originIdentity);
        RefuseBadText("dataset prefix", datasetPrefix);
        foreach (var pattern in dataset.Selection.Include.Concat(dataset.Selection.Exclude))
            Glob.Parse(pattern);
        var hash = NormalizeHash(dataset.VersionHash);
        var content = contentDigest?.ToLowerInvariant();

        var canonical = new StringBuilder("dscache-identity 1\n");
        Append(canonical, "origin", originIdentity);
        Append(canonical, "prefix", datasetPrefix);
        Append(canonical, "snapshot", dataset.SnapshotId);
        Append(canonical, "hash", hash);
        Append(canonical, "selection", dataset.Selection.Canonical);
        Append(canonical, "content", content);

        var (label, hint) = content is not null ? (FolderOf(originIdentity, datasetPrefix), "_" + content[..ShortDigits])
            : (dataset.SnapshotId!, hash is null ? "" : "_" + hash[..ShortDigits]);
        var needsDigest = !dataset.Selection.IsDefault || (content is null && hash is null);
        return new DatasetIdentity(canonical.ToString(), Sanitize(label), hint, needsDigest, hash);
    }

    private string Compose(string tail) => label[..Math.Min(label.Length, LongestName - tail.Length)] + tail;

    private static void Append(StringBuilder canonical, string field, string? value)
    {
        if (value is null)
            canonical.Append(CultureInfo.InvariantCulture, $"{field} -\n");
        else
            canonical.Append(CultureInfo.InvariantCulture, $"{field} {Encoding.UTF8.GetByteCount(value)}:{value}\n");
    }

    // s3:https://endpoint/bucket and folder:/data/cats both end in what people call the dataset when it has no prefix.
    private static string FolderOf(string originIdentity, string prefix)
    {
        var path = (prefix.Length > 0 ? prefix : originIdentity).TrimEnd('/');
        return path[(path.LastIndexOf('/') + 1)..];
    }

    private static string Sanitize(string label)
    {
        var text = new StringBuilder(label.Length);
        foreach (var rune in label.EnumerateRunes())
            text.Append(rune.IsAscii && (char)rune.Value is var c && (char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-') ? c : '-');
        var safe = text.ToString().TrimStart('.', '-');
        return safe.Length == 0 ? "dataset" : safe;
    }

    private static string? NormalizeHash(string? hash)
    {
        if (hash is null || IsHash(hash))
            return hash?.ToLowerInvariant();
        throw new InvalidRequestException($"The dataset version hash {PrintableText.Quote(hash)} is not 64 hex digits.", "Leave it out if you do not know it.");
    }

    private static bool IsHash(string text) => text.Length == HashDigits && text.All(char.IsAsciiHexDigit);

    private static void RefuseBadId(string what, string? id)
    {
        if (id is null)
            return;
        var why = id.Length == 0 ? "it is empty"
            : id.Length > LongestId ? $"it is longer than {LongestId} characters"
            : id.Contains('/') || id.Contains('\\') ? "it holds a slash"
            : id.Contains("..", StringComparison.Ordinal) || string.Equals(id, ".", StringComparison.Ordinal) ? "it would lead to another directory"
            : id.Any(char.IsControl) ? "it holds a control character"
            : PrintableText.IndexOfLoneSurrogate(id) >= 0 ? "it is not valid Unicode"
            : null;
        if (why is not null)
            throw new InvalidRequestException($"The {what} {PrintableText.Quote(id)} is refused: {why}.");
    }

    // Two texts that have no UTF-8 form would hash as the same replacement characters.
    private static void RefuseBadText(string what, string text)
    {
        if (PrintableText.IndexOfLoneSurrogate(text) >= 0)
            throw new InvalidRequestException($"The {what} {PrintableText.Quote(text)} is refused: it is not valid Unicode.");
    }
}
