using System.Text;
using System.Text.Json;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Sharing;

/// <summary>A root that a group shares: its members serve, resume and evict each other's work, whatever their umasks.</summary>
public sealed class SharedRootTests : IDisposable
{
    private const int MiB = 1 << 20;
    private readonly Lab lab = new();

    public void Dispose() => lab.Dispose();

    [Theory]
    [InlineData("022")]
    [InlineData("077")]
    public async Task What_one_member_got_is_a_hit_for_the_other(string umask)
    {
        lab.ShareRoot();
        var source = lab.MakeFolder("photos", ("a.txt", [1]), ("deep/er/b.bin", MemoryOrigin.Bytes(1, 5 * MiB)), ("deep/c.bin", MemoryOrigin.Bytes(2, 9000)));
        var miss = await lab.RunAsync(Lab.Ann, umask, "get", source, "--into", lab.Job(Lab.Ann), "--json", "-q");
        var hit = await lab.RunAsync(Lab.Bob, umask, "get", source, "--into", lab.Job(Lab.Bob), "--json", "-q");

        Assert.Equal(("miss", "hit"), (Text(miss, "outcome"), Text(hit, "outcome")));
        Assert.Equal(2, await UsesAsync(Text(hit, "cacheKey")));
        lab.AssertIsTheGroups();
        var snapshot = Text(hit, "snapshotPath");
        Assert.Equal("2575", Convert.ToString(Lab.StatusOf(snapshot).Mode, 8));
        Assert.Equal("2575", Convert.ToString(Lab.StatusOf(Path.Combine(snapshot, "deep")).Mode, 8));
        Assert.Equal(MemoryOrigin.Bytes(1, 5 * MiB), await File.ReadAllBytesAsync(Path.Combine(snapshot, "deep/er/b.bin"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_member_resumes_what_another_ones_killed_download_left()
    {
        lab.ShareRoot();
        const int size = 60 * MiB, passed = 48 * MiB;
        var server = await S3Server.GetAsync();
        var bucket = await server.CreateBucketAsync();
        var large = MemoryOrigin.Bytes(1, size);
        var small = Enumerable.Range(0, 8).Select(i => ($"set/small/{i}.bin", (ReadOnlyMemory<byte>)MemoryOrigin.Bytes(i, 20_000)));
        await server.PutAllAsync(bucket, [.. small, ("set/z/large.bin", large)]);
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        lab.Dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = proxy.Endpoint;
        lab.Dscache.Environment["EXTERNAL_ACCESS_KEY"] = server.AccessKey;
        lab.Dscache.Environment["EXTERNAL_SECRET_KEY"] = server.SecretKey;
        var release = new TaskCompletionSource();
        var reached = proxy.Served.When(passed, release.Task);
        var source = $"s3://{bucket}/set";
        using (var first = lab.Start(Lab.Ann, "077", "get", source, "--into", lab.Job(Lab.Ann), "-q"))
        {
            await reached.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
            first.Signal(9);
            await first.WaitAsync();
        }
        release.SetResult();

        var second = await lab.GetAsync(Lab.Bob, source);

        Assert.Equal((0, ""), (second.ExitCode, second.Error));
        // The promise is 32 MiB; what lay in the sockets' buffers never reached dscache and does not count.
        Assert.InRange(Number(second, "bytesFromOrigin"), size - passed, size - passed + (40 * MiB));
        Assert.True(Number(second, "reusedBytes") >= 4 * MiB, second.Out);
        var file = Path.Combine(Text(second, "snapshotPath"), "z/large.bin");
        Assert.Equal(large, await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal((Lab.Bob, "444"), (Lab.StatusOf(file).Owner, Convert.ToString(Lab.StatusOf(file).Mode, 8)));
        lab.AssertIsTheGroups();
        Assert.Equal("hit", Text(await lab.GetAsync(Lab.Ann, source), "outcome"));
        await lab.RunAsync(Lab.Bob, "022", "release", lab.Job(Lab.Bob));
        await lab.RunAsync(Lab.Ann, "022", "release", lab.Job(Lab.Ann));
        Assert.Equal(0, (await lab.RunAsync(Lab.Ann, "022", "rm", Text(second, "cacheKey"), "-y")).ExitCode);
    }

    [Fact]
    public async Task A_member_evicts_what_another_got_when_asked_and_for_space_but_nothing_in_use()
    {
        lab.ShareRoot();
        var old = lab.MakeFolder("old", ("deep/a.bin", MemoryOrigin.Bytes(1, 3 * MiB)));
        var inUse = lab.MakeFolder("used", ("deep/a.bin", MemoryOrigin.Bytes(2, 3 * MiB)));
        var linked = lab.MakeFolder("linked", ("a.bin", MemoryOrigin.Bytes(3, 3 * MiB)));
        var large = lab.MakeFolder("large", ("a.bin", MemoryOrigin.Bytes(4, 4 * MiB)));
        var oldKey = Text(await lab.RunAsync(Lab.Ann, "077", "get", old, "--into", lab.Job(Lab.Ann), "--json", "-q"), "cacheKey");
        using var running = lab.Start(Lab.Ann, "077", "run", inUse, "-q", "--", "sh", "-c", "ls -d ${DATASET_PATH}; read go");
        var usedPath = await running.ReadLineAsync();
        // The job directory lies in a home that Bob may not enter: what he cannot look at may be in use.
        var linkedKey = Text(await lab.RunAsync(Lab.Ann, "022", "get", linked, "--into", Path.Combine(lab.Home(Lab.Ann), "other"), "--json", "-q"), "cacheKey");

        Assert.Equal(ExitCode.LockTimeout, (await RemoveAsync(Lab.Bob, Path.GetFileName(usedPath))).ExitCode);
        Assert.Equal(ExitCode.LockTimeout, (await RemoveAsync(Lab.Bob, linkedKey)).ExitCode);
        Assert.Equal(ExitCode.NoSpace, (await lab.GetAsync(Lab.Bob, large, "--max-size", "12MiB")).ExitCode);
        await lab.RunAsync(Lab.Ann, "022", "release", lab.Job(Lab.Ann));
        var fits = await lab.GetAsync(Lab.Bob, large, "--max-size", "12MiB");

        Assert.Equal((0, ""), (fits.ExitCode, fits.Error));
        Assert.False(Directory.Exists(Path.Combine(lab.Root, "snapshots", oldKey)));
        Assert.True(File.Exists(Path.Combine(usedPath, "deep/a.bin")) && Directory.Exists(Path.Combine(lab.Root, "snapshots", linkedKey)));
        Assert.Equal(["naming.lock", "space.lock"], Directory.EnumerateFileSystemEntries(Path.Combine(lab.Root, "staging")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        await running.TypeAsync("\n");
        Assert.Equal(0, (await running.WaitAsync()).ExitCode);
        Assert.Equal(0, (await RemoveAsync(Lab.Bob, Path.GetFileName(usedPath))).ExitCode);
        Assert.False(Directory.Exists(usedPath));
    }

    [Fact]
    public async Task Unchanged_files_of_another_member_are_copied_within_the_quota()
    {
        lab.ShareRoot();
        var source = lab.MakeFolder("photos", ("a.bin", MemoryOrigin.Bytes(1, 3 * MiB)), ("b.bin", MemoryOrigin.Bytes(2, 5000)));
        await lab.GetAsync(Lab.Ann, source);
        File.WriteAllBytes(Path.Combine(source, "c.bin"), [3]);
        await lab.RunAsync(Lab.Ann, "022", "release", lab.Job(Lab.Ann));

        // Two copies do not fit beside each other: the one that the copies are taken from has to go, and what it had is fetched.
        Assert.Equal("miss", Text(await lab.GetAsync(Lab.Bob, source, "--refresh", "--max-size", "4MiB"), "outcome"));
        Assert.Single(Directory.EnumerateDirectories(Path.Combine(lab.Root, "snapshots")));
        File.WriteAllBytes(Path.Combine(source, "d.bin"), [4]);
        var copied = await lab.GetAsync(Lab.Ann, source, "--refresh", "--max-size", "7MiB");

        Assert.Equal("miss", Text(copied, "outcome"));
        Assert.Equal(1, Number(copied, "filesFromOrigin"));
        Assert.Equal((Lab.Ann, 1u), (Lab.StatusOf(Path.Combine(Text(copied, "snapshotPath"), "a.bin")).Owner, Lab.StatusOf(Path.Combine(Text(copied, "snapshotPath"), "a.bin")).Links));
        lab.AssertIsTheGroups();
    }

    [Fact]
    public async Task A_member_ends_another_ones_pin_and_mends_another_ones_entry()
    {
        lab.ShareRoot();
        var source = lab.MakeFolder("photos", ("deep/a.bin", MemoryOrigin.Bytes(1, 9000)), ("b.bin", MemoryOrigin.Bytes(2, 9000)));
        var miss = await lab.RunAsync(Lab.Ann, "077", "get", source, "--into", lab.Job(Lab.Ann), "--json", "-q");
        var key = Text(miss, "cacheKey");
        Assert.Equal(0, (await lab.RunAsync(Lab.Ann, "077", "pin", key)).ExitCode);
        Assert.Equal(0, (await lab.RunAsync(Lab.Bob, "022", "unpin", key)).ExitCode);
        File.WriteAllText(Path.Combine(lab.Root, "entries", key, "entry.json"), "");
        var file = Path.Combine(Text(miss, "snapshotPath"), "deep/a.bin");
        File.WriteAllBytes(file, MemoryOrigin.Bytes(3, 9000));

        await lab.RunAsync(Lab.Bob, "077", "verify", key);
        var again = await lab.GetAsync(Lab.Bob, source);

        Assert.Equal((0, ""), (again.ExitCode, again.Error));
        Assert.Equal(MemoryOrigin.Bytes(1, 9000), await File.ReadAllBytesAsync(Path.Combine(Text(again, "snapshotPath"), "deep/a.bin"), TestContext.Current.CancellationToken));
        Assert.Equal("hit", Text(await lab.GetAsync(Lab.Ann, source), "outcome"));
        Assert.Equal(0, (await lab.RunAsync(Lab.Bob, "022", "prune", "--orphaned", "-y")).ExitCode);
        lab.AssertIsTheGroups();
    }

    [Fact]
    public async Task A_private_cache_becomes_shared_by_the_commands_of_the_readme()
    {
        lab.OwnRoot(Lab.Ann, "0700");
        var source = lab.MakeFolder("photos", ("deep/a.bin", MemoryOrigin.Bytes(1, 9000)));
        var key = Text(await lab.RunAsync(Lab.Ann, "077", "get", source, "--into", lab.Job(Lab.Ann), "--json", "-q"), "cacheKey");
        var commands = File.ReadLines(Repository.File("README.md")).Single(line => line.StartsWith("chgrp -R ml ROOT", StringComparison.Ordinal));
        Lab.Command("sh", "-c", commands.Replace(" ml ", $" {Lab.Group} ", StringComparison.Ordinal).Replace("ROOT", lab.Root, StringComparison.Ordinal));

        Assert.Equal("hit", Text(await lab.GetAsync(Lab.Bob, source), "outcome"));
        await lab.RunAsync(Lab.Ann, "077", "release", lab.Job(Lab.Ann));
        await lab.RunAsync(Lab.Bob, "077", "release", lab.Job(Lab.Bob));
        Assert.Equal(0, (await RemoveAsync(Lab.Bob, key)).ExitCode);
    }

    private async Task<int> UsesAsync(string key)
    {
        using var document = JsonDocument.Parse((await lab.RunAsync(Lab.Bob, "022", "inspect", key, "--json")).Out);
        return document.RootElement.GetProperty("uses").GetInt32();
    }

    private Task<Result> RemoveAsync(uint user, string key) => lab.RunAsync(user, "022", "rm", key, "-y");

    internal static string Text(Result result, string field)
    {
        Assert.True(result.ExitCode == 0, result.Error);
        using var document = JsonDocument.Parse(result.Out);
        return document.RootElement.GetProperty(field).GetString()!;
    }

    internal static long Number(Result result, string field)
    {
        Assert.True(result.ExitCode == 0, result.Error);
        using var document = JsonDocument.Parse(result.Out);
        return document.RootElement.GetProperty(field).GetInt64();
    }
}
