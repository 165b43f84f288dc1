using DatasetCache.Cli.Acquiring;
using DatasetCache.Datasets;
using Xunit;

namespace DatasetCache.Cli.Tests.Acquiring;

public sealed class SourceArgumentTests
{
    private static readonly string Hash = new('a', 64);

    [Theory]
    [InlineData("s3://bucket/prefix", "s3://bucket/prefix")]
    [InlineData("/data/photos", "/data/photos")]
    [InlineData("./photos", "photos")]
    [InlineData("..", "..")]
    [InlineData("photos/2026", "photos/2026")]
    public void A_url_or_a_path_is_the_dataset_itself(string source, string expected)
    {
        var reference = Resolve(source);

        Assert.Equal(expected.Contains("://", StringComparison.Ordinal) ? expected : Path.GetFullPath(expected), reference.Origin);
        Assert.Null(reference.SnapshotId);
        Assert.Null(reference.DatasetId);
    }

    [Fact]
    public void An_existing_directory_needs_no_slash()
    {
        var folder = Directory.CreateTempSubdirectory();
        try
        {
            var bare = Path.GetRelativePath(Directory.GetCurrentDirectory(), folder.FullName);
            Assert.Equal(folder.FullName, Resolve(bare).Origin);
        }
        finally
        {
            folder.Delete();
        }
    }

    [Fact]
    public void A_job_environment_names_the_dataset()
    {
        var reference = Resolve(null, variables: Job());

        Assert.Equal(new DatasetRef { SnapshotId = "snap_env", DatasetId = "ds_env", VersionHash = Hash }, reference);
    }

    [Fact]
    public void Arguments_are_stronger_than_the_environment()
    {
        var reference = Resolve("snap_1", dataset: "ds_1", hash: new string('B', 64), origin: "s3://other", variables: Job());

        Assert.Equal(new DatasetRef { SnapshotId = "snap_1", DatasetId = "ds_1", VersionHash = new string('b', 64), Origin = "s3://other" }, reference);
    }

    [Fact]
    public void The_environment_of_another_dataset_does_not_touch_an_explicit_one()
    {
        Assert.Equal(new DatasetRef { Origin = "s3://bucket/x" }, Resolve("s3://bucket/x", variables: Job()));
    }

    [Theory]
    [InlineData("s3://bucket/x", "ds_1", null, null, "--dataset ds_1")]
    [InlineData("s3://bucket/x", null, null, "s3://other", "--origin s3://other")]
    [InlineData("snap_1", "ds_1", "abc", null, "64 hex digits")]
    [InlineData("snap_1", null, null, null, "DATASET_ID is not set")]
    [InlineData(null, "ds_1", null, null, "SNAPSHOT_ID is not set")]
    [InlineData("", "ds_1", null, null, "empty")]
    public void A_contradiction_is_refused_by_name(string? source, string? dataset, string? hash, string? origin, string said)
    {
        var error = Assert.Throws<InvalidRequestException>(() => Resolve(source, dataset, hash, origin));

        Assert.Contains(said, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Advice);
    }

    [Fact]
    public void A_broken_hash_in_the_environment_is_blamed_on_its_variable()
    {
        var variables = Job();
        variables["DATASET_VERSION_HASH"] = Hash[1..];

        Assert.Contains("DATASET_VERSION_HASH", Assert.Throws<InvalidRequestException>(() => Resolve(null, variables: variables)).Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, string> Job() => new(StringComparer.Ordinal)
    {
        ["SNAPSHOT_ID"] = "snap_env", ["DATASET_ID"] = "ds_env", ["DATASET_VERSION_HASH"] = Hash,
    };

    private static DatasetRef Resolve(
        string? source, string? dataset = null, string? hash = null, string? origin = null, Dictionary<string, string>? variables = null) =>
        SourceArgument.Resolve(source, dataset, hash, origin, name => variables?.GetValueOrDefault(name));
}
