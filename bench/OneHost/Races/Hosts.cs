using System.Globalization;

namespace DatasetCache.Bench.OneHost.Races;

/// <summary>One host, cold and warm, against what users would pick instead. Like with like: none syncs to disk at the end (<c>bench/run cold</c> has it with a sync).</summary>
public static class Hosts
{
    private const string Ours = "dscache get", S3fs = "s3fs, mounted, all files read", OursRead = "dscache get, all files read";

    private sealed record Shape(string Dataset, string Title, int Files, int AtOnce);

    private static readonly Shape[] Shapes = [new("small", $"{S3Data.SmallFiles} x 100 KiB", S3Data.SmallFiles, 32), new("large", $"{S3Data.LargeFiles} x 128 MiB", S3Data.LargeFiles, 8)];

    public static async Task<bool> RunAsync(Ground ground)
    {
        Console.WriteLine("s5cmd, the fastest of the S3 clients by its own figures, is not among Debian's packages and does not take part.");
        var hasMounts = File.Exists("/dev/fuse");
        if (!hasMounts)
            Console.WriteLine("/dev/fuse is not here: s3fs does not take part.");
        var verdict = new Verdict();
        foreach (var shape in Shapes)
        {
            await ColdAsync(ground, shape, hasMounts, verdict);
            await WarmAsync(ground, shape, hasMounts, verdict);
        }
        return verdict.Kept;
    }

    private static async Task ColdAsync(Ground ground, Shape shape, bool hasMounts, Verdict verdict)
    {
        // Small files stay until the end: see the traps in docs/performance.md.
        var isLarge = shape.Dataset is "large";
        string Place(int run) => ground.Fresh(string.Create(CultureInfo.InvariantCulture, $"hosts-{shape.Dataset}-{run}"));
        var contest = new Contest($"Cold, {shape.Title}, to an empty folder, no sync", ground.Rounds)
        {
            After = run =>
            {
                if (isLarge)
                    Directory.Delete(Place(run), recursive: true);
            },
        };
        Enter(contest, ground, shape, hasMounts, Place);
        await contest.RunAsync();
        Judge(contest, "cold, " + shape.Title, hasMounts, verdict);
    }

    private static async Task WarmAsync(Ground ground, Shape shape, bool hasMounts, Verdict verdict)
    {
        // Each contestant its own folder: what its first run left is what the others find.
        var contest = new Contest($"Warm, {shape.Title}, all there already", ground.Rounds) { WarmUp = true };
        Enter(contest, ground, shape, hasMounts, _ => ground.Fresh("hosts-warm-" + shape.Dataset));
        await contest.RunAsync();
        Judge(contest, "warm, " + shape.Title, hasMounts, verdict);
        Directory.Delete(Path.Combine(ground.Folder, "hosts-warm-" + shape.Dataset), recursive: true);
    }

    private static void Enter(Contest contest, Ground ground, Shape shape, bool hasMounts, Func<int, string> place)
    {
        var rivals = new Rivals(ground);
        string In(int run, string name) => Path.Combine(place(run), name);
        Command Get(int run, string name) => rivals.Dscache("snap_1", shape.Dataset, In(run, name + "-cache"), In(run, name + "-job")).With("DSCACHE_DURABLE", "false");
        contest.Enter(Ours, run => Get(run, "ours"));
        contest.Enter("rclone copy, tuned", run => shape.Dataset is "large" ? rivals.RcloneLarge(shape.Dataset, In(run, "rclone")) : rivals.RcloneSmall(shape.Dataset, In(run, "rclone")));
        contest.Enter("aws s3 sync", run => rivals.AwsSync(shape.Dataset, In(run, "aws")));
        contest.Enter("as the Hugging Face hub keeps it", run => rivals.Hub(shape.Dataset, In(run, "hub"), shape.AtOnce));
        contest.Enter(OursRead, run => Rivals.ThenRead(Get(run, "read"), In(run, "read-job"), shape.AtOnce));
        if (hasMounts)
            contest.Enter(S3fs, run => rivals.S3fs(shape.Dataset, In(run, "s3fs"), shape.AtOnce));
    }

    // A mount gives nothing until it is read: it is compared with a get and the same reader.
    private static void Judge(Contest contest, string what, bool hasMounts, Verdict verdict)
    {
        foreach (var rival in contest.Names.Where(name => name is not Ours and not OursRead and not S3fs))
            verdict.Expect($"{what}: wall against {rival}", contest.WallRatio(rival), 1);
        if (hasMounts)
            verdict.Expect($"{what}: wall against {S3fs}", contest.WallRatio(S3fs, OursRead), 1);
    }
}
