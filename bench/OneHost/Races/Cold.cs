using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace DatasetCache.Bench.OneHost.Races;

/// <summary>From S3 to an empty folder, with and without the final sync for all.</summary>
public static class Cold
{
    private sealed record Shape(string Dataset, string Title, int AtOnce, double MostWall, double MostCpu);

    private static readonly Shape[] Shapes =
    [
        new("small", $"{S3Data.SmallFiles} x 100 KiB", 32, 0.9, 0.8),
        new("large", $"{S3Data.LargeFiles} x 128 MiB", 8, 1.15, 1.25),
    ];

    public static async Task<bool> RunAsync(Ground ground)
    {
        var verdict = new Verdict();
        foreach (var shape in Shapes)
        {
            await RunAsync(ground, shape, synced: false, verdict);
            await RunAsync(ground, shape, synced: true, verdict);
        }
        return verdict.Kept;
    }

    private static async Task RunAsync(Ground ground, Shape shape, bool synced, Verdict verdict)
    {
        var rivals = new Rivals(ground);
        var urls = await WriteUrlsAsync(ground, shape.Dataset);
        // Small files are removed after the race and not after each run: ext4 passes over inodes that were deleted within the last minutes, one
        // by one, which costs whoever comes next a third of his CPU time. Large ones are few.
        var isLarge = string.Equals(shape.Dataset, "large", StringComparison.Ordinal);
        string Place(int run) => ground.Fresh(string.Create(CultureInfo.InvariantCulture, $"cold-{shape.Dataset}-{(synced ? "sync" : "nosync")}-{run}"));
        var contest = new Contest($"Cold, {shape.Title}, {(synced ? "with" : "without")} the final sync", ground.Rounds)
        {
            After = run =>
            {
                if (isLarge)
                    Directory.Delete(Place(run), recursive: true);
            },
        };
        Command Synced(Command command, string place) => synced ? command.ThenSync(place) : command;

        contest.Enter("dscache get", run => rivals.Dscache("snap_1", shape.Dataset, Path.Combine(Place(run), "cache"), Path.Combine(Place(run), "job"))
            .With("DSCACHE_DURABLE", synced ? "true" : "false"));
        contest.Enter("rclone copy, tuned", run => Synced(isLarge ? rivals.RcloneLarge(shape.Dataset, Place(run)) : rivals.RcloneSmall(shape.Dataset, Place(run)), Place(run)));
        contest.Enter("floor: bare HttpClient, URLs given", run => Synced(rivals.BareHttp(urls, Place(run), shape.AtOnce), Place(run)));
        await contest.RunAsync();
        verdict.Expect("wall against rclone", contest.WallRatio("rclone copy, tuned"), shape.MostWall);
        verdict.Expect("CPU against rclone", contest.CpuRatio("rclone copy, tuned"), shape.MostCpu);
    }

    /// <summary>Presigned URLs of a dataset, a line each, with the name to save it by.</summary>
    private static async Task<string> WriteUrlsAsync(Ground ground, string dataset)
    {
        using var client = new AmazonS3Client(new BasicAWSCredentials(ground.S3.AccessKey, ground.S3.SecretKey),
            new AmazonS3Config { ServiceURL = ground.S3.Endpoint, ForcePathStyle = true, AuthenticationRegion = "us-east-1" });
        var lines = new List<string>();
        var pages = client.Paginators.ListObjectsV2(new ListObjectsV2Request { BucketName = ground.Bucket, Prefix = $"datasets/{dataset}/" });
        await foreach (var found in pages.S3Objects)
        {
            var url = await client.GetPreSignedURLAsync(new GetPreSignedUrlRequest
            {
                BucketName = ground.Bucket,
                Key = found.Key,
                Expires = TimeProvider.System.GetUtcNow().UtcDateTime.AddHours(6),
                Protocol = Protocol.HTTP,
            });
            lines.Add($"{url}\t{found.Key.Replace('/', '_')}");
        }
        var path = Path.Combine(ground.Folder, $"urls-{dataset}");
        await File.WriteAllLinesAsync(path, lines);
        return path;
    }
}
