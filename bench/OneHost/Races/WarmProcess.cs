namespace DatasetCache.Bench.OneHost.Races;

/// <summary>A whole process that finds nothing to do: 2,000 files on S3, all on this disk already.</summary>
public static class WarmProcess
{
    private const string Dataset = "small";

    public static async Task<bool> RunAsync(Ground ground)
    {
        var rivals = new Rivals(ground);
        var (root, job) = (ground.Fresh("warm-cache"), Path.Combine(ground.Folder, "warm-job"));
        var (byRclone, byAws) = (ground.Fresh("warm-rclone"), ground.Fresh("warm-aws"));
        await Measured.RunAsync(rivals.Dscache("snap_1", Dataset, root, job));
        await Measured.RunAsync(rivals.RcloneSmall(Dataset, byRclone));
        // Each tool's own copy: they compare modification times.
        await Measured.RunAsync(rivals.AwsSync(Dataset, byAws));

        var contest = new Contest($"Warm, whole process: {S3Data.SmallFiles} files on S3, nothing to do", Math.Max(ground.Rounds, 11));
        contest.Enter("dscache get", _ => rivals.Dscache("snap_1", Dataset, root, job));
        contest.Enter("rclone copy", _ => rivals.RcloneSmall(Dataset, byRclone));
        contest.Enter("rclone copy --size-only", _ => rivals.RcloneSmall(Dataset, byRclone, null, "--size-only"));
        contest.Enter("aws s3 sync", _ => rivals.AwsSync(Dataset, byAws));
        contest.Enter("floor: empty ReadyToRun program", _ => rivals.EmptyProgram());
        await contest.RunAsync();

        var verdict = new Verdict();
        verdict.Expect("wall against rclone copy", contest.WallRatio("rclone copy"), 0.2);
        verdict.Expect("wall against aws s3 sync", contest.WallRatio("aws s3 sync"), 0.1);
        return verdict.Kept;
    }
}
