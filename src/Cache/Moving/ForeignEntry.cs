using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Moving;

/// <summary>
/// An entry that this cache did not make, out of an archive or another's root. Its parts are checked against each other: facts that hash to the identity,
/// paths that are safe, a manifest that is whole. That the contents are the origin's nobody can tell from here.
/// </summary>
internal sealed record ForeignEntry(EntryRecord Record, DatasetIdentity Identity, DatasetRef Dataset, string? ContentDigest)
{
    private const int LongestText = 4096;

    /// <summary>Whether the dataset version hash can be computed from what the entry holds: globs may have left metadata out.</summary>
    public bool HasAllMetadata => Dataset.Selection.Include.Count + Dataset.Selection.Exclude.Count == 0;

    /// <summary>Null and why where the record contradicts itself, or could not be this cache's own.</summary>
    public static ForeignEntry? Check(EntryRecord? record, out string flaw)
    {
        flaw = "entry.json is torn or foreign";
        if (record is null)
            return null;
        if (record.Format is < 1 or > CacheRoot.Format)
        {
            flaw = "its format is newer than this version of DatasetCache knows";
            return null;
        }
        flaw = "its facts are not of the form that they must have";
        if (record.Files < 1 || record.Bytes < 0 || record.MissingCount < 0 || record.MissingFirst.Count > 100 || record.MissingFirst.Count > record.MissingCount
            || record.MissingFirst.Any(path => path is null || path.Length > LongestText)
            || new[] { record.Origin, record.Prefix, record.SelectionReason, record.DatasetId ?? "" }.Any(text => text.Length > LongestText || text.Any(char.IsControl)))
            return null;
        if (ParseSelection(record.Selection) is not { } selection)
            return null;
        var dataset = new DatasetRef { SnapshotId = record.SnapshotId, DatasetId = record.DatasetId, VersionHash = record.VersionHash, Selection = selection };
        var content = record.SnapshotId is null ? ContentOf(record.Identity) : null;
        DatasetIdentity identity;
        try
        {
            identity = DatasetIdentity.Create(record.Origin, record.Prefix, dataset, content);
        }
        catch (Exception e) when (e is InvalidRequestException or ArgumentException)
        {
            return null;
        }
        flaw = "its identity is not what its facts amount to";
        if (!string.Equals(identity.Canonical, record.Identity, StringComparison.Ordinal) || !string.Equals(identity.VersionHash, record.VersionHash, StringComparison.Ordinal)
            || !identity.Names.Contains(record.CacheKey, StringComparer.Ordinal))
            return null;
        // All files of a mutable dataset are its content.
        if (content is not null && selection.Mode == SelectionMode.All && selection.Include.Count + selection.Exclude.Count == 0
            && !string.Equals(content, record.ManifestDigest, StringComparison.Ordinal))
            return null;
        return new ForeignEntry(record, identity, dataset, content);
    }

    /// <summary>The files and their checksums, in one order; null and why where the manifest is not what the record says, or holds a path that must not be.</summary>
    public (Manifest Manifest, IReadOnlyList<ManifestText.Line> Lines)? CheckManifest(IReadOnlyList<ManifestText.Line>? lines, out string flaw)
    {
        flaw = "its manifest is torn or foreign";
        if (lines is null || lines.Any(line => line.Checksums.Length == 0))
            return null;
        flaw = "its manifest holds other files than its facts say";
        var bytes = 0L;
        foreach (var line in lines)
        {
            if (line.File.Size > long.MaxValue - bytes)
                return null;
            bytes += line.File.Size;
            try
            {
                if (DatasetPath.FromKey(line.File.Path, "", line.File.Size) is null)
                    return null;
            }
            catch (IntegrityException e)
            {
                flaw = e.Message;
                return null;
            }
        }
        if (lines.Count != Record.Files || bytes != Record.Bytes)
            return null;
        var manifest = new Manifest(lines.Select(line => line.File));
        // Checksums go by position.
        for (var i = 0; i < lines.Count; i++)
        {
            if (manifest.Files[i] != lines[i].File)
                return null;
        }
        try
        {
            DatasetPath.RefuseConflicts(manifest.Files);
        }
        catch (IntegrityException e)
        {
            flaw = e.Message;
            return null;
        }
        return string.Equals(manifest.Digest, Record.ManifestDigest, StringComparison.Ordinal) ? (manifest, lines) : null;
    }

    // The inverse of Selection.Canonical.
    private static Selection? ParseSelection(string canonical)
    {
        var lines = canonical.Split('\n');
        if (canonical.Length > 16 * LongestText || lines.Skip(1).Any(line => line.Length < 2 || line[0] is not ('+' or '-')))
            return null;
        var selection = new Selection
        {
            Mode = lines[0] switch { "annotated" => SelectionMode.Annotated, "all" => SelectionMode.All, _ => SelectionMode.Auto },
            Include = [.. lines.Skip(1).Where(line => line[0] == '+').Select(line => line[1..])],
            Exclude = [.. lines.Skip(1).Where(line => line[0] == '-').Select(line => line[1..])],
        };
        return string.Equals(selection.Canonical, canonical, StringComparison.Ordinal) ? selection : null;
    }

    // It stands in no other fact. Whether it is one, the identity made with it tells.
    private static string? ContentOf(string identity)
    {
        const string field = "\ncontent 64:";
        var at = identity.LastIndexOf(field, StringComparison.Ordinal);
        return at < 0 ? null : identity[(at + field.Length)..].TrimEnd('\n');
    }
}
