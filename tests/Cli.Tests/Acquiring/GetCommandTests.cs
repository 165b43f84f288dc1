using System.Globalization;
using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Acquiring;

public sealed class GetCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task The_path_is_all_that_goes_to_stdout()
    {
        var result = await dscache.GetAsync(dscache.MakeFolder());

        Assert.Equal((0, $"{dscache.JobDirectory}/dataset\n"), (result.ExitCode, result.Out));
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(dscache.JobDirectory, "dataset", "a.txt")));
    }

    [Fact]
    public async Task Json_tells_a_miss_from_a_hit()
    {
        var source = dscache.MakeFolder();

        using var miss = JsonDocument.Parse((await dscache.GetAsync(source, "--json", "-q")).Out);
        using var hit = JsonDocument.Parse((await dscache.GetAsync(source, "--json", "-q")).Out);

        Assert.Equal(
            ["path", "cacheKey", "outcome", "files", "bytes", "bytesFromOrigin", "filesFromOrigin", "reusedBytes", "sharedBytes", "bytesFromPeers", "seconds", "snapshotPath", "changes", "staleSince"],
            miss.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(["miss", "hit"], new[] { miss, hit }.Select(report => report.RootElement.GetProperty("outcome").GetString()));
        Assert.Equal([9L, 0L], new[] { miss, hit }.Select(report => report.RootElement.GetProperty("bytesFromOrigin").GetInt64()));
        Assert.Equal([2L, 2L], new[] { miss, hit }.Select(report => report.RootElement.GetProperty("files").GetInt64()));
        Assert.Equal(Path.Combine(dscache.JobDirectory, "dataset"), hit.RootElement.GetProperty("path").GetString());
        Assert.True(Directory.Exists(hit.RootElement.GetProperty("snapshotPath").GetString()));
    }

    [Fact]
    public async Task A_job_environment_stands_in_for_the_arguments()
    {
        dscache.Environment["DSCACHE_ORIGIN"] = dscache.MakeOrigin("ds_1");
        dscache.Environment["SNAPSHOT_ID"] = "snap_1";
        dscache.Environment["DATASET_ID"] = "ds_1";
        dscache.Environment["JOB_ID"] = "91";

        var result = await dscache.RunAsync("get", "--into", "job");
        var list = await dscache.RunAsync("ls");

        Assert.Equal((0, $"{dscache.JobDirectory}/dataset\n"), (result.ExitCode, result.Out));
        Assert.Contains("job 91", list.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wrong_version_hash_exits_65_and_links_nothing()
    {
        var result = await dscache.RunAsync(
            "get", "snap_1", "--dataset", "ds_1", "--origin", dscache.MakeOrigin("ds_1"), "--hash", new string('0', 64), "--into", dscache.JobDirectory);

        Assert.Equal(ExitCode.Integrity, result.ExitCode);
        Assert.Empty(Directory.GetFileSystemEntries(dscache.JobDirectory));
    }

    [Fact]
    public async Task A_dataset_that_is_not_there_exits_66()
    {
        var result = await dscache.RunAsync("get", "snap_1", "--dataset", "ds_2", "--origin", dscache.MakeOrigin("ds_1"), "--into", dscache.JobDirectory);

        Assert.Equal(ExitCode.NotFound, result.ExitCode);
        Assert.Contains("ds_2", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dataset_larger_than_the_quota_exits_73_with_the_numbers()
    {
        var result = await dscache.GetAsync(dscache.MakeFolder(), "--max-size", "1B", "--json");

        Assert.Equal(ExitCode.NoSpace, result.ExitCode);
        Assert.False(JsonDocument.Parse(result.Error.Split('\n')[^2]).RootElement.GetProperty("error").GetProperty("retry").GetBoolean());
    }

    [Fact]
    public async Task A_real_directory_in_the_place_of_the_link_is_left_alone()
    {
        var precious = Path.Combine(dscache.JobDirectory, "dataset", "precious");
        Directory.CreateDirectory(Path.GetDirectoryName(precious)!);
        await File.WriteAllTextAsync(precious, "mine");

        var result = await dscache.GetAsync(dscache.MakeFolder());

        Assert.NotEqual(0, result.ExitCode);
        Assert.Empty(result.Out);
        Assert.Equal("mine", await File.ReadAllTextAsync(precious));
    }

    [Fact]
    public async Task Plain_progress_ends_with_the_last_state_and_carries_no_colors()
    {
        dscache.Environment["NO_COLOR"] = "1";

        var result = await dscache.GetAsync(dscache.MakeFolder());

        Assert.Contains("2 of 2 files, 9 B of 9 B", result.Error.TrimEnd().Split('\n')[^1], StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', result.Error);
    }

    [Theory]
    [InlineData("077")]
    [InlineData("000")]
    public async Task What_a_job_sees_has_the_same_modes_whatever_the_umask(string mask)
    {
        var source = dscache.MakeFolder();
        using (var large = File.OpenHandle(Path.Combine(source, "large.bin"), FileMode.Create, FileAccess.Write))
            RandomAccess.SetLength(large, 5_000_000);
        using var process = dscache.StartProgram("/bin/sh", "-c", $"umask {mask}; exec \"$0\" \"$@\"", Dscache.Program, "get", source, "--into", dscache.JobDirectory);
        Assert.Equal(0, (await process.WaitAsync()).ExitCode);
        var snapshot = Directory.EnumerateDirectories(dscache.In("cache/snapshots")).Single();
        Assert.Equal((UnixFileMode)0x16D, File.GetUnixFileMode(snapshot));
        Assert.All(Directory.EnumerateFiles(snapshot), file => Assert.Equal((UnixFileMode)0x124, File.GetUnixFileMode(file)));
    }

    [Fact]
    public async Task Json_progress_ends_with_the_last_state()
    {
        var result = await dscache.GetAsync(dscache.MakeFolder(), "--progress", "json");

        var lines = result.Error.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal([2L, 9L, 9L], new[] { "filesDone", "bytesDone", "bytesTotal" }.Select(name => lines[^1].GetProperty(name).GetInt64()));
        Assert.All(lines, line => Assert.NotNull(line.GetProperty("phase").GetString()));
    }

    [Theory]
    [InlineData("-q")]
    [InlineData("--progress=none")]
    public async Task Nothing_is_said_where_silence_is_asked_for(string option)
    {
        var result = await dscache.GetAsync(dscache.MakeFolder(), option);

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
    }

    [Fact]
    public async Task A_terminal_gets_a_bar_and_no_colors_where_NO_COLOR_is_set()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script (bsdutils) is not installed");
        dscache.Environment["TERM"] = "xterm-256color";
        var command = string.Create(CultureInfo.InvariantCulture, $"stty cols 120; exec {Dscache.Program} get {dscache.MakeFolder()} --into {dscache.JobDirectory}");

        using var colored = dscache.StartProgram("/usr/bin/script", "-qec", command, "/dev/null");
        var withColors = await colored.WaitAsync();
        dscache.Environment["NO_COLOR"] = "1";
        dscache.Environment["DSCACHE_ROOT"] = dscache.In("cache2");
        using var plain = dscache.StartProgram("/usr/bin/script", "-qec", command, "/dev/null");
        var withoutColors = await plain.WaitAsync();

        Assert.Contains("100%", withColors.Out, StringComparison.Ordinal);
        Assert.Contains("100%", withoutColors.Out, StringComparison.Ordinal);
        Assert.Contains("\u001b[38;", withColors.Out, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\x1b\[[0-9;]*m", withoutColors.Out.Replace("\u001b[0m", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_warm_hit_loads_neither_the_SDK_nor_YAML_nor_Spectre()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/strace"), "strace is not installed");
        var source = dscache.MakeFolder();
        await dscache.GetAsync(source);

        using var process = dscache.StartProgram(
            "/usr/bin/strace", "-f", "-e", "trace=openat", "-o", dscache.In("trace"), Dscache.Program, "get", source, "--into", dscache.JobDirectory);
        var result = await process.WaitAsync();

        Assert.Equal(0, result.ExitCode);
        var trace = await File.ReadAllTextAsync(dscache.In("trace"));
        Assert.Contains("DatasetCache.Cache.dll", trace, StringComparison.Ordinal);
        Assert.All(["AWSSDK.Core.dll", "AWSSDK.S3.dll", "YamlDotNet.dll", "Spectre.Console.dll", "Microsoft.Extensions."], name => Assert.DoesNotContain(name, trace, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_mutable_dataset_is_asked_again_on_refresh_and_says_what_was_updated()
    {
        var folder = dscache.MakeFolder();
        await dscache.GetAsync(folder, "-q");
        File.WriteAllText(Path.Combine(folder, "c.txt"), "gamma");
        var fresh = await dscache.GetAsync(folder);
        Assert.False(File.Exists(Path.Combine(fresh.Out.Trim(), "c.txt")));
        var updated = await dscache.GetAsync(folder, "--refresh");
        Assert.Contains("dscache: updated: 1 files added, 0 changed, 0 removed", updated.Error, StringComparison.Ordinal);
        Assert.Equal("gamma", await File.ReadAllTextAsync(Path.Combine(updated.Out.Trim(), "c.txt"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Offline_serves_what_is_there_and_refuses_the_rest()
    {
        var folder = dscache.MakeFolder();
        var missing = await dscache.GetAsync(folder, "--offline");
        Assert.Equal((66, ""), (missing.ExitCode, missing.Out));
        Assert.Contains("--offline", missing.Error, StringComparison.Ordinal);
        await dscache.GetAsync(folder);
        Directory.Delete(folder, recursive: true);
        Assert.Equal(0, (await dscache.GetAsync(folder, "--offline", "--refresh")).ExitCode);
    }
}
