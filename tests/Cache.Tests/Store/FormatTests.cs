using DatasetCache.Datasets;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Store;

public sealed class FormatTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly DirectoryHandle directory;

    public FormatTests() => directory = new FileSystem().OpenRoot(folder.Path);

    public void Dispose()
    {
        directory.Dispose();
        folder.Dispose();
    }

    private static Pieces SomePieces()
    {
        var pieces = new Pieces(new Manifest([new ManifestFile("a b/ü.jpg", 3, "etag-1"), new ManifestFile("empty", 0, "etag-2"), new ManifestFile("large", 9_000_000, "etag-3-3")]));
        for (var file = 0; file < 3; file++)
        {
            for (var piece = 0; piece < pieces.Count(file); piece++)
                pieces.Complete(file, piece, (uint)((file * 1000) + piece + 0xF0000000));
        }
        return pieces;
    }

    [Fact]
    public void A_manifest_reads_back_as_it_was_written()
    {
        var pieces = SomePieces();
        using (var file = directory.Create("manifest", 0x1A4))
            ManifestText.Write(file, pieces.Manifest, pieces);
        var lines = ManifestText.Read(directory, "manifest")!;
        Assert.Equal(pieces.Manifest.Files, lines.Select(line => line.File));
        for (var i = 0; i < lines.Count; i++)
            Assert.Equal(pieces.Checksums(i).ToArray(), lines[i].Checksums);
        Assert.Equal([1, 1, 9], lines.Select(line => line.Checksums.Length));
    }

    [Fact]
    public void A_manifest_that_is_cut_or_changed_anywhere_is_torn()
    {
        var pieces = SomePieces();
        using (var file = directory.Create("manifest", 0x1A4))
            ManifestText.Write(file, pieces.Manifest, pieces);
        var whole = File.ReadAllBytes(folder["manifest"]);
        for (var i = 0; i < whole.Length; i++)
        {
            File.WriteAllBytes(folder["manifest"], whole[..i]);
            Assert.Null(ManifestText.Read(directory, "manifest"));
            var changed = whole.ToArray();
            changed[i] ^= 1;
            File.WriteAllBytes(folder["manifest"], changed);
            Assert.Null(ManifestText.Read(directory, "manifest"));
        }
    }

    [Fact]
    public void A_journal_is_read_up_to_its_first_torn_record()
    {
        using (var journal = directory.OpenAppend("journal", 0x1A4))
        {
            for (var i = 0; i < 5; i++)
                Journal.Append(journal, new Journal.Record(i, i * 2, (uint)i * 7));
        }
        var bytes = File.ReadAllBytes(folder["journal"]);
        Assert.Equal([0, 1, 2, 3, 4], Journal.Read(bytes).Select(record => record.File));
        Assert.Equal([0, 1, 2, 3], Journal.Read(bytes[..^1]).Select(record => record.File));
        bytes[(2 * Journal.RecordSize) + 3] ^= 0x40;
        Assert.Equal([0, 1], Journal.Read(bytes).Select(record => record.File));
    }

    [Fact]
    public void A_root_of_a_newer_format_is_refused_with_words()
    {
        CacheRoot.Open(folder["cache"]).Dispose();
        File.WriteAllText(folder["cache/format"], "2\n");
        var error = Assert.Throws<StorageException>(() => CacheRoot.Open(folder["cache"]));
        Assert.Contains("format '2'", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer version", error.Advice, StringComparison.Ordinal);
    }
}
