using DatasetCache.Datasets;
using DatasetCache.Transfers;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Cache.Tests.Transfers.Peers;

public sealed class PiecePlanTests
{
    private static Manifest Of(params long[] sizes) => new(sizes.Select((size, i) => new ManifestFile($"{i:0000}.bin", size, "etag")));

    [Theory]
    [InlineData(0L)]
    [InlineData(0L, 0L, 1L)]
    [InlineData(1_048_576L, 1_048_576L)]
    [InlineData(1_048_577L, 3L, 1_048_570L, 7L, 10_000_000L, 0L)]
    [InlineData(600_000L, 600_000L, 600_000L, 5_242_880L)]
    public void Every_byte_of_every_file_is_in_exactly_one_piece(params long[] sizes)
    {
        var plan = new PiecePlan(Of(sizes));
        var parts = Enumerable.Range(0, plan.Count).SelectMany(plan.Parts).ToArray();
        Assert.Equal(parts.Length, parts.Distinct().Count());
        Assert.Equal(sizes.Select((size, file) => (file, size)), parts.GroupBy(part => part.File).Select(file => (file.Key, file.Sum(part => (long)plan.LengthOf(part)))));
        Assert.Equal(sizes.Sum(Pieces.CountFor), parts.Length);
    }

    [Fact]
    public void A_part_is_found_in_its_piece()
    {
        var plan = new PiecePlan(Of(1_048_577, 3, 1_048_570, 7, 10_000_000, 0, 5));
        for (var piece = 0; piece < plan.Count; piece++)
        {
            foreach (var part in plan.Parts(piece))
                Assert.Equal(piece, plan.PieceOf(part.File, part.Piece));
        }
    }

    [Fact]
    public void A_piece_is_a_mebibyte_at_most_and_256_files_at_most()
    {
        var plan = new PiecePlan(Of([.. Enumerable.Repeat(10L, 600), .. Enumerable.Repeat(300_000L, 10)]));
        for (var piece = 0; piece < plan.Count; piece++)
        {
            Assert.InRange(plan.LengthOf(piece), 1, Pieces.Size);
            Assert.InRange(plan.PartCount(piece), 1, PiecePlan.MostFiles);
        }
        Assert.Equal(256, plan.PartCount(0));
    }

    [Fact]
    public void Plans_of_one_manifest_are_the_same_and_of_another_are_not()
    {
        Assert.Equal(new PiecePlan(Of(5, 6)).Digest, new PiecePlan(Of(5, 6)).Digest);
        Assert.NotEqual(new PiecePlan(Of(5, 6)).Digest, new PiecePlan(Of(6, 5)).Digest);
    }
}
