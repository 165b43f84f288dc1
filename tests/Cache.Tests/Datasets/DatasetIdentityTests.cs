using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using DatasetCache.Datasets;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class DatasetIdentityTests
{
    private const string Origin = "s3:https://minio:9000/datasets-bucket";
    private const string Prefix = "datasets/ds_1/";
    private const string Hash = "1bb25f370123456789abcdef0123456789abcdef0123456789abcdef01234567";

    private static readonly DatasetRef Plain = new() { SnapshotId = "snap_2b2fca921e88", DatasetId = "ds_1", VersionHash = Hash };

    [Fact]
    public void A_snapshot_with_a_hash_is_called_by_both()
    {
        var identity = DatasetIdentity.Create(Origin, Prefix, Plain);
        Assert.Equal("snap_2b2fca921e88_1bb25f37", identity.ShortName);
        Assert.Equal(Hash, identity.VersionHash);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity.Canonical))), identity.Digest);
        Assert.Equal([identity.ShortName, $"{identity.ShortName}_{identity.Digest[..8]}", $"{identity.ShortName}_{identity.Digest[..16]}", $"{identity.ShortName}_{identity.Digest}"], identity.Names);
        Assert.Equal(identity.Names.Skip(1), [identity.Grown(8), identity.Grown(16), identity.Grown(64)]);
    }

    // On disk and between hosts: it must not change by accident.
    [Fact]
    public void The_canonical_text_is_a_format()
    {
        var identity = DatasetIdentity.Create(Origin, "é/", Plain with { Selection = new() { Include = ["b", "a"] } });
        Assert.Equal(
            $"dscache-identity 1\norigin {Origin.Length}:{Origin}\nprefix 3:é/\nsnapshot 17:snap_2b2fca921e88\nhash 64:{Hash}\nselection 10:auto\n+a\n+b\ncontent -\n",
            identity.Canonical);
    }

    [Fact]
    public void Another_selection_or_a_missing_hash_shows_in_the_name()
    {
        var all = DatasetIdentity.Create(Origin, Prefix, Plain with { Selection = new() { Mode = SelectionMode.All } });
        Assert.Equal($"snap_2b2fca921e88_1bb25f37_{all.Digest[..8]}", all.ShortName);
        Assert.Equal(3, all.Names.Count());
        var hashless = DatasetIdentity.Create(Origin, Prefix, Plain with { VersionHash = null });
        Assert.Equal($"snap_2b2fca921e88_{hashless.Digest[..8]}", hashless.ShortName);
        Assert.Equal($"snap_2b2fca921e88_{hashless.Digest[..16]}", hashless.Grown(16));
        Assert.NotEqual(all.Digest, hashless.Digest);
    }

    [Theory]
    [InlineData(Origin, "raw/My cats & dogs/", "My-cats---dogs_abcdef01")]
    [InlineData(Origin, "", "datasets-bucket_abcdef01")]
    [InlineData("folder:/data/.hidden", "", "hidden_abcdef01")]
    [InlineData("folder:/", "日本/", "dataset_abcdef01")]
    public void A_mutable_dataset_is_called_by_its_folder_and_content(string origin, string prefix, string expected) =>
        Assert.Equal(expected, DatasetIdentity.Create(origin, prefix, new DatasetRef(), "ABCDEF01" + new string('0', 56)).ShortName);

    [Fact]
    public void Upper_case_and_the_order_of_globs_make_no_difference()
    {
        var one = DatasetIdentity.Create(Origin, Prefix, Plain with { VersionHash = Hash.ToUpperInvariant(), Selection = new() { Include = ["a", "b", "a"] } });
        var other = DatasetIdentity.Create(Origin, Prefix, Plain with { Selection = new() { Include = ["b", "a"] } });
        Assert.Equal(one.Digest, other.Digest);
    }

    [Fact]
    public void Every_part_makes_a_difference()
    {
        DatasetIdentity[] all =
        [
            DatasetIdentity.Create(Origin, Prefix, Plain),
            DatasetIdentity.Create(Origin + "2", Prefix, Plain),
            DatasetIdentity.Create(Origin, "datasets/ds_2/", Plain),
            DatasetIdentity.Create(Origin, Prefix, Plain with { SnapshotId = "snap_2" }),
            DatasetIdentity.Create(Origin, Prefix, Plain with { VersionHash = Hash[..8] + new string('0', 56) }), // the same short name
            DatasetIdentity.Create(Origin, Prefix, Plain with { VersionHash = null }),
            DatasetIdentity.Create(Origin, Prefix, Plain with { Selection = new() { Mode = SelectionMode.All } }),
            DatasetIdentity.Create(Origin, Prefix, Plain with { Selection = new() { Include = ["a"] } }),
            DatasetIdentity.Create(Origin, Prefix, Plain with { Selection = new() { Exclude = ["a"] } }),
            DatasetIdentity.Create(Origin, Prefix, Plain with { SnapshotId = null }, Hash),
            DatasetIdentity.Create(Origin, Prefix, Plain with { SnapshotId = null }, new string('1', 64)),
        ];
        Assert.Equal(all.Length, all.Select(identity => identity.Digest).Distinct().Count());
        Assert.Equal(all[0].ShortName, all[4].ShortName);
        Assert.NotEqual(all[0].Grown(8), all[4].Grown(8));
    }

    [Fact]
    public void No_value_can_pass_for_two_and_every_name_is_a_safe_folder()
    {
        var text = Gen.ArrayOf(Gen.Elements("a", "B", "1", "\n", ":", "-", " ", "origin 1:", "/", ".", "é", "\U0001F600")).Select(string.Concat);
        var ids = text.Where(id => id.Length > 0 && !id.Contains('/') && !id.Contains('\n') && !id.Contains("..", StringComparison.Ordinal) && id is not ".");
        var parts = text.Select(origin => "o" + origin).Zip(text.Select(prefix => prefix + "/")).Zip(ids, (places, id) => (Origin: places.Item1, Prefix: places.Item2, Snapshot: id));
        Prop.ForAll(parts.ToArbitrary(), parts.ToArbitrary(), (x, y) =>
        {
            var (one, other) = (Of(x), Of(y));
            return x.Equals(y) == string.Equals(one.Canonical, other.Canonical, StringComparison.Ordinal)
                && one.Names.All(name => Regex.IsMatch(name, "^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$", RegexOptions.None, TimeSpan.FromSeconds(10)));
        }).QuickCheckThrowOnFailure();

        static DatasetIdentity Of((string Origin, string Prefix, string Snapshot) value) =>
            DatasetIdentity.Create(value.Origin, value.Prefix, new DatasetRef { SnapshotId = value.Snapshot });
    }

    [Fact]
    public void A_long_id_is_cut_before_the_digits_that_tell_it_apart()
    {
        var identity = DatasetIdentity.Create(Origin, Prefix, Plain with { SnapshotId = new string('s', 255) });
        Assert.Equal(new string('s', 91) + "_1bb25f37", identity.ShortName);
        Assert.All(identity.Names, name => Assert.Equal(100, name.Length));
        Assert.EndsWith("_1bb25f37_" + identity.Digest, identity.Grown(64));
    }

    [Theory]
    [InlineData("")]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("a..b")]
    [InlineData("a\nb")]
    public void A_hostile_id_is_refused_by_name(string id)
    {
        foreach (var dataset in new[] { Plain with { SnapshotId = id }, Plain with { DatasetId = id } })
        {
            var message = Assert.Throws<InvalidRequestException>(() => DatasetIdentity.Create(Origin, Prefix, dataset)).Message;
            Assert.Contains(id.Split('\n', '\\')[0], message);
            Assert.DoesNotContain(message, char.IsControl);
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("1bb25f37")]
    [InlineData("gbb25f370123456789abcdef0123456789abcdef0123456789abcdef01234567")]
    public void A_hash_that_is_none_is_refused_by_name(string hash) =>
        Assert.Contains($"\"{hash}\"", Assert.Throws<InvalidRequestException>(() => DatasetIdentity.Create(Origin, Prefix, Plain with { VersionHash = hash })).Message);

    [Fact]
    public void A_glob_that_could_forge_another_selection_is_refused()
    {
        var forged = Plain with { Selection = new() { Include = ["a\n-b"] } };
        Assert.Throws<InvalidRequestException>(() => DatasetIdentity.Create(Origin, Prefix, forged));
    }

    [Fact]
    public void A_content_digest_belongs_to_a_mutable_dataset_alone()
    {
        Assert.Throws<ArgumentException>(() => DatasetIdentity.Create(Origin, Prefix, Plain, Hash));
        Assert.Throws<ArgumentException>(() => DatasetIdentity.Create(Origin, Prefix, new DatasetRef()));
        Assert.Throws<ArgumentException>(() => DatasetIdentity.Create(Origin, Prefix, new DatasetRef(), "short"));
    }
}
