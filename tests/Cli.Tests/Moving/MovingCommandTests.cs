using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Moving;

public sealed class MovingCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private string There => dscache.In("there");

    private async Task<string> GetAsync(params string[] more)
    {
        var result = await dscache.RunAsync(["get", dscache.MakeFolder(), "--hold", "1ms", "--json", "-q", .. more]);
        Assert.Equal(0, result.ExitCode);
        return JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!;
    }

    private async Task<Result> ShellAsync(string script)
    {
        using var process = dscache.StartProgram("/bin/sh", "-c", script.Replace("dscache ", Dscache.Program + " ", StringComparison.Ordinal));
        return await process.WaitAsync();
    }

    [Fact]
    public async Task An_entry_goes_through_a_pipe_to_a_host_without_network()
    {
        var key = await GetAsync();
        var piped = await ShellAsync($"dscache export {key} -o - -q | dscache import - --root {There} --json -q");
        Assert.Equal((0, ""), (piped.ExitCode, piped.Error));
        var report = JsonDocument.Parse(piped.Out).RootElement;
        Assert.Equal((1, 0), (report.GetProperty("imported").GetInt32(), report.GetProperty("present").GetInt32()));
        Assert.Equal((key, "imported", 2, 9), (report.GetProperty("entries")[0].GetProperty("cacheKey").GetString(), report.GetProperty("entries")[0].GetProperty("outcome").GetString(),
            report.GetProperty("entries")[0].GetProperty("files").GetInt32(), report.GetProperty("entries")[0].GetProperty("bytes").GetInt32()));
        Directory.Delete(dscache.In("photos"), recursive: true);
        var got = await dscache.RunAsync("get", dscache.In("photos"), "--into", dscache.JobDirectory, "--root", There, "--offline", "-q");
        Assert.Equal((0, ""), (got.ExitCode, got.Error));
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Join(dscache.JobDirectory, "dataset/a.txt"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Files_reports_and_refusals()
    {
        var key = await GetAsync();
        var tar = dscache.In("out.tar");
        var exported = await dscache.RunAsync("export", "--all", "-o", tar, "--json", "-q");
        Assert.Equal((0, ""), (exported.ExitCode, exported.Error));
        Assert.Equal(new FileInfo(tar).Length, JsonDocument.Parse(exported.Out).RootElement.GetProperty("archiveBytes").GetInt64());
        Assert.Equal(key, JsonDocument.Parse(exported.Out).RootElement.GetProperty("entries")[0].GetProperty("cacheKey").GetString());

        var imported = await dscache.RunAsync("import", tar, "--root", There, "--progress", "none");
        Assert.Equal((0, key + "\n"), (imported.ExitCode, imported.Out));
        Assert.Contains("imported 1 entry, 2 files, 9 B.", imported.Error, StringComparison.Ordinal);
        var again = await dscache.RunAsync("import", tar, "--root", There, "--progress", "none");
        Assert.Equal((0, ""), (again.ExitCode, again.Out));
        Assert.Contains("1 had been here before", again.Error, StringComparison.Ordinal);

        Assert.Equal(ExitCode.Integrity, (await dscache.RunAsync("import", tar, "--root", dscache.In("other"), "--max-entries", "3")).ExitCode);
        Assert.Equal(ExitCode.Integrity, (await dscache.RunAsync("import", tar, "--root", dscache.In("other"), "--max-bytes", "100B")).ExitCode);
        Assert.Equal(ExitCode.NoSpace, (await dscache.RunAsync("import", tar, "--root", dscache.In("other"), "--max-bytes", "1GB", "--max-size", "1KB")).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("import", tar, "--max-entries", "many")).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("import", tar, "--max-bytes", "5G")).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("import", dscache.In("none.tar"))).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("export", "-o", tar)).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("export", key, "--all", "-o", tar)).ExitCode);
        Assert.Equal(ExitCode.Usage, (await dscache.RunAsync("export", key)).ExitCode);
        Assert.Equal(ExitCode.NotFound, (await dscache.RunAsync("export", "none", "-o", dscache.In("none.tar"))).ExitCode);
        Assert.False(File.Exists(dscache.In("none.tar")) || File.Exists(dscache.In("none.tar.partial")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(dscache.In("other"), "snapshots")));
    }

    [Fact]
    public async Task A_reader_that_goes_away_and_an_entry_that_is_broken_are_errors()
    {
        Directory.CreateDirectory(dscache.In("big"));
        await File.WriteAllBytesAsync(dscache.In("big/a.bin"), MemoryOrigin.Bytes(1, 9_000_000), TestContext.Current.CancellationToken);
        var got = await dscache.RunAsync("get", dscache.In("big"), "--hold", "1ms", "--json", "-q");
        var key = JsonDocument.Parse(got.Out).RootElement.GetProperty("cacheKey").GetString()!;
        var left = await ShellAsync($"(dscache export {key} -o - -q; echo $? >&2) | head -c 1000 >/dev/null");
        Assert.Contains("standard output", left.Error, StringComparison.Ordinal);
        Assert.EndsWith($"{ExitCode.Storage}\n", left.Error, StringComparison.Ordinal);

        var path = Path.Join(dscache.In("cache/snapshots"), key, "a.bin");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = File.Open(path, FileMode.Open))
        {
            file.Position = 5_000_000;
            file.WriteByte(0);
            file.WriteByte(0);
        }
        var broken = await ShellAsync($"dscache export {key} -o - -q > {dscache.In("broken.tar")}");
        Assert.Equal(ExitCode.Integrity, broken.ExitCode);
        Assert.Contains("dscache verify KEY", broken.Error, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Integrity, (await dscache.RunAsync("import", dscache.In("broken.tar"), "--root", There)).ExitCode);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(There, "snapshots")));
    }

    [Fact]
    [Trait("Fault", "24")]
    public async Task Killed_in_the_middle_an_import_leaves_only_staging_and_the_next_one_starts_over()
    {
        Directory.CreateDirectory(dscache.In("big"));
        for (var i = 0; i < 6; i++)
            await File.WriteAllBytesAsync(dscache.In($"big/{i}.bin"), MemoryOrigin.Bytes(i, 5_000_000), TestContext.Current.CancellationToken);
        var first = await GetAsync();
        var got = await dscache.RunAsync("get", dscache.In("big"), "--hold", "1ms", "--json", "-q");
        var second = JsonDocument.Parse(got.Out).RootElement.GetProperty("cacheKey").GetString()!;
        var tar = dscache.In("out.tar");
        Assert.Equal(0, (await dscache.RunAsync("export", first, second, "-o", tar, "-q")).ExitCode);
        var bytes = await File.ReadAllBytesAsync(tar, TestContext.Current.CancellationToken);
        foreach (var share in new[] { 1, 4, 9, 14, 19 })
        {
            var root = dscache.In($"root-{share}");
            using (var victim = dscache.Start("import", "-", "--root", root, "-q"))
            {
                // What it was given it has read when the pipe, of 64 KiB, takes the rest: and more it does not get.
                await victim.WriteAsync(bytes.AsMemory(0, bytes.Length * share / 20));
                victim.Signal(9);
                Assert.Equal(137, (await victim.WaitAsync()).ExitCode);
            }
            Assert.True(Directory.EnumerateFileSystemEntries(Path.Join(root, "snapshots")).All(entry => Path.GetFileName(entry) == first)); // I1
            Assert.NotEmpty(Directory.EnumerateFiles(Path.Join(root, "staging"), "*.bin", SearchOption.AllDirectories));
            Assert.Equal(0, (await dscache.RunAsync("import", tar, "--root", root, "-q")).ExitCode);
            Assert.Equal(["naming.lock", "space.lock"], Directory.EnumerateFileSystemEntries(Path.Join(root, "staging")).Select(Path.GetFileName).Order(StringComparer.Ordinal)); // I5
            for (var i = 0; i < 6; i++)
                Assert.Equal(MemoryOrigin.Bytes(i, 5_000_000), await File.ReadAllBytesAsync(Path.Join(root, "snapshots", second, $"{i}.bin"), TestContext.Current.CancellationToken));
        }

        // Nobody imports again: a sweep takes it away.
        var abandoned = dscache.In("abandoned");
        using (var victim = dscache.Start("import", "-", "--root", abandoned, "-q"))
        {
            await victim.WriteAsync(bytes.AsMemory(0, bytes.Length / 2));
            victim.Signal(9);
            await victim.WaitAsync();
        }
        Assert.Equal(0, (await dscache.RunAsync("prune", "--orphaned", "-y", "--root", abandoned)).ExitCode);
        Assert.Equal(["naming.lock", "space.lock"], Directory.EnumerateFileSystemEntries(Path.Join(abandoned, "staging")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }
}
