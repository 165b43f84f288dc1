namespace DatasetCache.Bench.OneHost;

/// <summary>The commands that are compared, each set up as well as its manual allows.</summary>
public sealed class Rivals(Ground ground)
{
    private static readonly string[] SmallFiles = ["--transfers", "32", "--checkers", "32", "--fast-list"];
    private static readonly string[] LargeFiles = ["--transfers", "8", "--multi-thread-streams", "4", "--fast-list"];

    /// <param name="snapshot">For example <c>snap_1</c>.</param>
    /// <param name="dataset">The dataset's id.</param>
    /// <param name="root">The cache's folder.</param>
    /// <param name="job">The job's folder.</param>
    /// <param name="endpoint">What stands in front of the S3 server, or null.</param>
    public Command Dscache(string snapshot, string dataset, string root, string job, string? endpoint = null) =>
        new(ground.Dscache, ["get", snapshot, "--dataset", dataset, "--select", "all", "--into", Directory.CreateDirectory(job).FullName, "-q"],
            new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["DSCACHE_ROOT"] = root,
                ["DSCACHE_MIN_FREE"] = "0%",
                ["DSCACHE_CONFIG"] = EmptyConfig(),
                ["EXTERNAL_STORAGE_ENDPOINT"] = endpoint ?? ground.S3.Endpoint,
                ["EXTERNAL_BUCKET_DATASETS"] = ground.Bucket,
                ["EXTERNAL_ACCESS_KEY"] = ground.S3.AccessKey,
                ["EXTERNAL_SECRET_KEY"] = ground.S3.SecretKey,
            });

    public Command RcloneSmall(string dataset, string into, string? endpoint = null, params string[] more) => Rclone(dataset, into, endpoint, [.. SmallFiles, .. more]);

    public Command RcloneLarge(string dataset, string into, string? endpoint = null) => Rclone(dataset, into, endpoint, LargeFiles);

    /// <summary>The files as blobs named by their ETags, a snapshot of symbolic links beside them.</summary>
    public Command Hub(string dataset, string into, int atOnce) =>
        new("python3", [Path.Combine(ground.Programs, "hub_manner.py"), ground.S3.Endpoint, ground.Bucket, $"datasets/{dataset}/", into, Number(atOnce)], Keys());

    /// <summary>Mounts the bucket, reads every file of the dataset once, unmounts: without reading nothing would have come.</summary>
    public Command S3fs(string dataset, string place, int atOnce) =>
        new("bash", [Path.Combine(ground.Programs, "s3fs_read.sh"), ground.S3.Endpoint, ground.Bucket, "datasets/" + dataset, place, Number(atOnce)], Keys());

    /// <summary>The same reader after a get.</summary>
    public static Command ThenRead(Command get, string folder, int atOnce) =>
        get with { Program = "bash", Arguments = ["-c", "\"${@:2}\" && find -L \"$0\" -type f -print0 | xargs -0 -P \"$1\" -n 16 cat >/dev/null", folder, Number(atOnce), get.Program, .. get.Arguments] };

    private Command Rclone(string dataset, string into, string? endpoint, string[] options) =>
        new("rclone", ["copy", .. options, $"bench:{ground.Bucket}/datasets/{dataset}", into], new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["RCLONE_CONFIG"] = "/dev/null",
            ["RCLONE_CONFIG_BENCH_TYPE"] = "s3",
            ["RCLONE_CONFIG_BENCH_PROVIDER"] = "Ceph",
            // The older listing, Ceph's default, is unknown to the tests' own server: rclone would read its first page for ever.
            ["RCLONE_CONFIG_BENCH_LIST_VERSION"] = "2",
            ["RCLONE_CONFIG_BENCH_ENDPOINT"] = endpoint ?? ground.S3.Endpoint,
            ["RCLONE_CONFIG_BENCH_ACCESS_KEY_ID"] = ground.S3.AccessKey,
            ["RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY"] = ground.S3.SecretKey,
            // rclone 1.60 fails where it is set.
            ["AWS_CA_BUNDLE"] = null,
        });

    public Command AwsSync(string dataset, string into, string? endpoint = null) =>
        new(ground.Aws, ["s3", "sync", "--only-show-errors", "--endpoint-url", endpoint ?? ground.S3.Endpoint, $"s3://{ground.Bucket}/datasets/{dataset}", into],
            Keys());

    public Command EmptyProgram() => new(ground.Floor, [], new Dictionary<string, string?>(StringComparer.Ordinal));

    public Command BareHttp(string urls, string into, int atOnce) =>
        new(ground.Floor, [urls, into, Number(atOnce)], new Dictionary<string, string?>(StringComparer.Ordinal));

    private Dictionary<string, string?> Keys() => new(StringComparer.Ordinal)
    {
        ["AWS_ACCESS_KEY_ID"] = ground.S3.AccessKey,
        ["AWS_SECRET_ACCESS_KEY"] = ground.S3.SecretKey,
        ["AWS_DEFAULT_REGION"] = "us-east-1",
        ["AWS_CONFIG_FILE"] = "/dev/null",
        ["AWS_CA_BUNDLE"] = null,
    };

    private static string Number(int number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private string EmptyConfig()
    {
        var path = Path.Combine(ground.Folder, "dscache.json");
        File.WriteAllText(path, "{}");
        return path;
    }
}
