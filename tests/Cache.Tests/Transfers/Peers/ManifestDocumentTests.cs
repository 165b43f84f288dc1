using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Store;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Cache.Tests.Transfers.Peers;

public sealed class ManifestDocumentTests
{
    private static readonly Manifest Cats = new([new ManifestFile("a/1.jpg", 10, "e1"), new ManifestFile("b.bin", 2_000_000, "e2")]);

    private static EntryRecord Record(string cacheKey) => new()
    {
        Format = 1, CacheKey = cacheKey, Identity = "i", Origin = "o", Prefix = "p/", Selection = "auto", SelectionReason = "all \"of\" them\nin two lines", ManifestDigest = Cats.Digest, Files = 2, Bytes = 2_000_010,
        OwnBytes = 1, PublishedAt = DateTimeOffset.UnixEpoch, MissingCount = 3, MissingFirst = ["x/ä.jpg"],
    };

    private static byte[] Text()
    {
        var pieces = new Pieces(Cats);
        pieces.CompleteAll(0, [1]);
        pieces.CompleteAll(1, [2, 3]);
        return ManifestText.ToBytes(Cats, pieces);
    }

    [Fact]
    public void A_listing_arrives_as_it_was_sent()
    {
        var read = ManifestDocument.Parse(ManifestDocument.OfListing(Cats).Bytes);
        Assert.Equal(Cats.Files, read!.Manifest.Files);
        Assert.Null(read.Selected);
        Assert.Equal(ManifestDocument.OfListing(Cats).Digest, read.Digest);
    }

    [Fact]
    public void An_entry_s_manifest_arrives_with_checksums_and_with_why_these_files()
    {
        var read = ManifestDocument.Parse(ManifestDocument.OfEntry(Text(), Record("k"))!.Bytes)!;
        Assert.Equal([[1u], [2u, 3u]], read.Lines.Select(line => line.Checksums));
        Assert.Equal((3, "all \"of\" them\nin two lines"), (read.Selected!.MissingCount, read.Selected.Reason));
        Assert.Equal(["x/ä.jpg"], read.Selected.MissingFirst);
    }

    [Fact]
    public void Two_nodes_make_the_same_document_of_the_same_content_under_whatever_name()
        => Assert.Equal(ManifestDocument.OfEntry(Text(), Record("k"))!.Digest, ManifestDocument.OfEntry(Text(), Record("k_0123abcd") with { PublishedAt = DateTimeOffset.UnixEpoch.AddDays(1), OwnBytes = 7 })!.Digest);

    [Theory]
    [InlineData("../evil")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("a\\..\\b")]
    [Trait("Fault", "22")]
    public void A_path_that_leads_out_is_refused(string path)
        => Assert.Null(ManifestDocument.Parse(ManifestText.ToBytes(new Manifest([new ManifestFile(path, 1, "e")]), pieces: null)));

    [Fact]
    public void Torn_or_foreign_bytes_are_no_document()
    {
        var bytes = ManifestDocument.OfEntry(Text(), Record("k"))!.Bytes;
        Assert.Null(ManifestDocument.Parse(bytes[..60]));
        Assert.Null(ManifestDocument.Parse(Encoding.UTF8.GetBytes("hello")));
        Assert.Null(ManifestDocument.Parse([]));
        var flipped = bytes.ToArray();
        flipped[30] ^= 1;
        Assert.Null(ManifestDocument.Parse(flipped));
        // Two files of which one would be the other's folder.
        Assert.Null(ManifestDocument.Parse(ManifestText.ToBytes(new Manifest([new ManifestFile("a", 1, "e"), new ManifestFile("a/b", 1, "e")]), pieces: null)));
    }
}
