using System.Text;
using DatasetCache.Integrity;
using DatasetCache.Moving;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Moving;

// What an archive says of an entry: its facts, its name, its manifest.
public sealed partial class HostileArchiveTests
{
    [Theory]
    [InlineData("\"origin\": \"memory:test\"", "\"origin\": \"memory:other\"")]
    [InlineData("\"prefix\": \"datasets/cats/\"", "\"prefix\": \"datasets/dogs/\"")]
    [InlineData("\"snapshotId\": \"snap_1\"", "\"snapshotId\": \"snap_2\"")]
    [InlineData("\"snapshotId\": \"snap_1\"", "\"snapshotId\": null")]
    [InlineData("\"snapshotId\": \"snap_1\"", "\"snapshotId\": \"..\"")]
    [InlineData("\"selection\": \"all\"", "\"selection\": \"auto\"")]
    [InlineData("\"selection\": \"all\"", "\"selection\": \"everything\"")]
    [InlineData("snapshot 6:snap_1", "snapshot 6:snap_2")]
    [InlineData("hash 64:", "hash 65:")]
    [InlineData("\"format\": 1", "\"format\": 2")]
    [InlineData("\"format\": 1", "\"format\": 0")]
    [InlineData("\"files\": 3", "\"files\": 4")]
    [InlineData("\"files\": 3", "\"files\": -1")]
    [InlineData("\"missingCount\": 0", "\"missingCount\": -5")]
    [InlineData("\"selectionReason\": \"all\"", "\"selectionReason\": \"\\u001b[2J\"")]
    [InlineData("\"manifestDigest\": \"", "\"manifestDigest\": \"0")]
    [InlineData("\"datasetId\": \"cats\"", "\"datasetId\": \"../cats\"")]
    [InlineData("\"cacheKey\": \"", "\"cacheKey\": \"../")]
    [InlineData("\"origin\": \"memory:test\"", "\"origin\": null")]
    [InlineData("\"publishedAt\": \"", "\"publishedAt\": \"x")]
    public async Task Facts_that_do_not_hang_together_are_refused(string part, string lie)
    {
        var facts = Encoding.UTF8.GetString(members[1].Content);
        Assert.Contains(part, facts, StringComparison.Ordinal);
        await RefusedAsync(With(1, Encoding.UTF8.GetBytes(facts.Replace(part, lie, StringComparison.Ordinal))), "cannot be an entry");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[")]
    [InlineData("[1]")]
    [InlineData("null")]
    [InlineData("{\"format\": 99999999999999}")]
    public async Task Facts_that_are_none_are_refused(string facts) => await RefusedAsync(With(1, Encoding.UTF8.GetBytes(facts)), "cannot be an entry");

    [Fact]
    public async Task An_entry_is_not_taken_under_the_name_of_another()
    {
        var renamed = members.Select(member => (member.Name.Replace(key, "snap_9_12345678", StringComparison.Ordinal), member.Content)).ToList();
        await RefusedAsync(RawTar.Of(renamed), "is not the name that the entry's facts give it");
        renamed[1] = (renamed[1].Item1, Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(renamed[1].Content).Replace(key, "snap_9_12345678", StringComparison.Ordinal)));
        await RefusedAsync(RawTar.Of(renamed), "its identity is not what its facts amount to");
    }

    [Fact]
    public async Task Metadata_that_do_not_have_the_version_hash_are_refused()
    {
        var (facts, manifest) = Forge([("a.jpg", members[3].Content), ("notes.txt", "betas"u8.ToArray())]);
        await RefusedAsync(RawTar.Of([members[0], (members[1].Name, facts), (members[2].Name, manifest), members[3], (members[5].Name, "betas"u8.ToArray()), members[6]]),
            "says that its dataset version hash is");
    }

    [Theory]
    [InlineData("../evil")]
    [InlineData("/etc/evil")]
    [InlineData("a//b")]
    [InlineData("a/./b")]
    [InlineData("a\\b")]
    [InlineData("dir/")]
    [Trait("Fault", "22")]
    public async Task A_manifest_with_a_path_that_no_key_may_have_is_refused_before_the_first_byte(string path)
    {
        var (facts, manifest) = Forge([(path, [])]);
        await RefusedAsync(RawTar.Of([members[0], (members[1].Name, facts), (members[2].Name, manifest), ($"{key}/files/{path}", [])]), "cannot be an entry");
    }

    [Fact]
    [Trait("Fault", "22")]
    public async Task A_manifest_with_a_file_that_is_also_a_folder_is_refused()
    {
        var (facts, manifest) = Forge([("a", [1]), ("a/b", [2])]);
        await RefusedAsync(RawTar.Of([members[0], (members[1].Name, facts), (members[2].Name, manifest)]), "a file cannot also be a directory");
        (facts, manifest) = Forge([("a", [1]), ("a", [1])]);
        await RefusedAsync(RawTar.Of([members[0], (members[1].Name, facts), (members[2].Name, manifest)]), "twice");
    }

    [Fact]
    public async Task A_manifest_in_another_order_or_without_checksums_or_with_impossible_sizes_is_refused()
    {
        var lines = Encoding.UTF8.GetString(members[2].Content).Split('\n');
        await RefusedAsync(With(2, Sealed([lines[0], lines[2], lines[1], lines[3]])), "cannot be an entry");
        var bare = lines[1].Split('\t');
        bare[2] = "";
        await RefusedAsync(With(2, Sealed([lines[0], string.Join('\t', bare), lines[2], lines[3]])), "cannot be an entry");
        foreach (var size in new[] { "-1", "9223372036854775807", "4611686018427387904" })
        {
            bare[0] = size;
            await RefusedAsync(With(2, Sealed([lines[0], string.Join('\t', bare), lines[2], lines[3]])), "cannot be an entry");
        }
    }
}
