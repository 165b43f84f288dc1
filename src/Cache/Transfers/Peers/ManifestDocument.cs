using System.Security.Cryptography;
using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>
/// A manifest on its way from node to node, named by the SHA-256 of its bytes: the origin's listing as one node found it, or what an entry holds, with checksums and why these
/// files. All nodes make the same bytes of the same content.
/// </summary>
internal sealed record ManifestDocument
{
    private ManifestDocument(byte[] bytes, Manifest manifest, IReadOnlyList<ManifestText.Line> lines, SelectedFiles? selected)
    {
        Bytes = bytes;
        Manifest = manifest;
        Lines = lines;
        Selected = selected;
        Digest = DigestOf(bytes);
    }

    public byte[] Bytes { get; }

    /// <summary>64 hex digits.</summary>
    public string Digest { get; }

    public Manifest Manifest { get; }

    /// <summary>Of an entry: with the checksums of its pieces.</summary>
    public IReadOnlyList<ManifestText.Line> Lines { get; }

    /// <summary>Of an entry: what was selected and what was missing. Null for a listing.</summary>
    public SelectedFiles? Selected { get; }

    public static string DigestOf(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    public static ManifestDocument OfListing(Manifest listing)
        => new(ManifestText.ToBytes(listing, pieces: null), listing, [.. listing.Files.Select(file => new ManifestText.Line(file, []))], selected: null);

    /// <param name="text">The entry's manifest file as it is.</param>
    /// <returns>Null where it is torn.</returns>
    public static ManifestDocument? OfEntry(byte[] text, EntryRecord record)
    {
        var facts = SmallJson.Write(json =>
        {
            json.WriteString("reason", record.SelectionReason);
            json.WriteNumber("missingCount", record.MissingCount);
            json.WriteStartArray("missingFirst");
            foreach (var path in record.MissingFirst)
                json.WriteStringValue(path);
            json.WriteEndArray();
        });
        return Parse([.. ManifestText.WithoutRecord(text), .. Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(facts).ReplaceLineEndings(" ")), (byte)'\n']);
    }

    /// <summary>Null where the bytes are no manifest, or name a path that must not be.</summary>
    public static ManifestDocument? Parse(byte[] bytes)
    {
        if (ManifestText.Read(bytes) is not { Count: > 0 } lines)
            return null;
        var manifest = new Manifest(lines.Select(line => line.File));
        // Checksums go by position.
        if (!manifest.Files.SequenceEqual(lines.Select(line => line.File)) || !AreSafe(manifest))
            return null;
        var appendix = ManifestText.Appendix(bytes);
        if (appendix.Length == 0)
            return new ManifestDocument(bytes, manifest, lines, selected: null);
        var selected = SmallJson.Read(appendix, json => new SelectedFiles(manifest, json.GetProperty("missingCount").GetInt32(),
            [.. json.GetProperty("missingFirst").EnumerateArray().Select(path => path.GetString()!)], json.GetProperty("reason").GetString()!));
        return selected is null || lines.Any(line => line.Checksums.Length == 0) ? null : new ManifestDocument(bytes, manifest, lines, selected);
    }

    private static bool AreSafe(Manifest manifest)
    {
        try
        {
            DatasetPath.RefuseConflicts(manifest.Files);
            return manifest.Files.All(file => DatasetPath.FromKey(file.Path, "", file.Size) is not null);
        }
        catch (IntegrityException)
        {
            return false;
        }
    }
}
