using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Sharing;

/// <summary><c>--shared-root</c>: a root that belongs to somebody else and is only read.</summary>
public sealed class LabRootTests
{
    [Fact]
    public async Task Another_users_root_serves_who_may_only_read_it_and_stays_as_it_is()
    {
        using var lab = new Lab();
        lab.OwnRoot(Lab.Ann, "0755");
        var source = lab.MakeFolder("photos", ("a.txt", [1]), ("deep/b.bin", MemoryOrigin.Bytes(1, 9_000_000)));
        var theirs = await lab.GetAsync(Lab.Ann, source);
        Assert.Equal(0, theirs.ExitCode);
        var before = Picture(lab.Root);
        Directory.Delete(source, recursive: true);
        var own = Path.Combine(lab.Home(Lab.Eve), "cache");
        var got = await lab.GetAsync(Lab.Eve, source, "--root", own, "--shared-root", lab.Root, "--offline");
        Assert.Equal((0, ""), (got.ExitCode, got.Error));
        var report = JsonDocument.Parse(got.Out).RootElement;
        Assert.Equal(("miss", 9_000_001, 0), (report.GetProperty("outcome").GetString(), report.GetProperty("sharedBytes").GetInt64(), report.GetProperty("bytesFromOrigin").GetInt64()));
        Assert.Equal(MemoryOrigin.Bytes(1, 9_000_000), await File.ReadAllBytesAsync(Path.Combine(report.GetProperty("snapshotPath").GetString()!, "deep/b.bin"), TestContext.Current.CancellationToken));
        Assert.Equal(Lab.Eve, Lab.StatusOf(report.GetProperty("snapshotPath").GetString()!).Owner);
        Assert.Equal(before, Picture(lab.Root));
    }

    [Fact]
    public async Task A_root_that_may_not_be_read_is_a_warning_and_one_that_is_no_absolute_path_an_error()
    {
        using var lab = new Lab();
        lab.OwnRoot(Lab.Ann, "0700");
        var source = lab.MakeFolder("photos", ("a.txt", [1]));
        await lab.GetAsync(Lab.Ann, source);
        var own = Path.Combine(lab.Home(Lab.Eve), "cache");
        var got = await lab.GetAsync(Lab.Eve, source, "--root", own, "--shared-root", $"/nonexistent:{lab.Root}");
        Assert.Equal(0, got.ExitCode);
        var warnings = got.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, warnings.Length);
        Assert.StartsWith("dscache: warning: the shared root /nonexistent is not used: ", warnings[0], StringComparison.Ordinal);
        Assert.StartsWith($"dscache: warning: the shared root {lab.Root} is not used: Not permitted", warnings[1], StringComparison.Ordinal);
        var wrong = await lab.GetAsync(Lab.Eve, source, "--root", own, "--shared-root", "lab");
        Assert.Equal(ExitCode.Configuration, wrong.ExitCode);
        Assert.Contains("cache.sharedRoot", wrong.Error, StringComparison.Ordinal);
        var hit = await lab.GetAsync(Lab.Eve, source, "--root", own, "--shared-root", "/nonexistent");
        Assert.Equal((0, ""), (hit.ExitCode, hit.Error));
    }

    private static string[] Picture(string root) => [.. Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
        .Select(path => $"{path} {File.GetUnixFileMode(path)} {File.GetLastWriteTimeUtc(path):O}").Order(StringComparer.Ordinal)];
}
