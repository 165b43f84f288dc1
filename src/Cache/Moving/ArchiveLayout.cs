using DatasetCache.Datasets;

namespace DatasetCache.Moving;

/// <summary>
/// What stands in an archive, in this order: <c>dscache-archive</c> (the format's number); for each entry <c>KEY/entry.json</c>, <c>KEY/manifest</c> and
/// <c>KEY/files/PATH</c> in the manifest's order; last <c>dscache-archive-end</c>. A file that one of the entries just before has too (one inode) is left out: its
/// object, size, ETag and checksums stand in both manifests.
/// </summary>
internal static class ArchiveLayout
{
    public const string Header = "dscache-archive";
    public const string End = "dscache-archive-end";
    public const string Facts = "/entry.json";
    public const string Manifest = "/manifest";
    public const string Files = "/files/";

    /// <summary>A file is left out where one of so many entries before has brought it: an import looks no further back.</summary>
    public const int ShareWindow = 8;

    /// <summary>The first member's content.</summary>
    public static ReadOnlySpan<byte> Format => "dscache-archive 1\n"u8;

    /// <summary>Bytes that an entry.json may have: what it names first of missing images is long at worst.</summary>
    public const int LongestFacts = 1 << 20;

    /// <summary>Bytes that a manifest may have: some two million files.</summary>
    public const long LongestManifest = 256L << 20;

    public static IntegrityException Refused(string why, Exception? inner = null) => new(
        $"The archive is refused: {why}.", "Export it again where it comes from, and take archives only from senders whom you trust.", inner);

    public static IntegrityException RefusedName(string name, string why) => Refused($"{PrintableText.Quote(name)} {why}");

    public static IntegrityException Cut(string where) => new(
        $"The archive ends too early: {where}.", "It was cut short on its way, or its export failed: export or copy it again. Entries that were whole have been imported.");
}
