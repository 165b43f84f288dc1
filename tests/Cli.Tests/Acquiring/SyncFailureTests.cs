using System.Text.Json;

namespace DatasetCache.Cli.Tests.Acquiring;

/// <summary>A disk that says it could not write what it had taken: the kernel's own answer to syncfs and fsync is changed under the real program.</summary>
public sealed class SyncFailureTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [FaultTheory(5)]
    [InlineData("syncfs")]
    [InlineData("fsync")]
    public async Task What_could_not_be_synced_is_never_ready(string call)
    {
        const string strace = "/usr/bin/strace";
        Assert.SkipUnless(File.Exists(strace), "strace is not installed");
        var fault = new FaultCase(5);
        fault.Guard(dscache.In("theirs"));
        var origin = dscache.MakeFolder();
        var trace = dscache.In("trace");
        using var process = dscache.StartProgram(strace, "-f", "-o", trace, "-e", $"trace={call}", "-e", $"inject={call}:error=EIO",
            Dscache.Program, "get", origin, "--into", dscache.JobDirectory);
        var result = await process.WaitAsync();
        fault.Fired((await File.ReadAllLinesAsync(trace, TestContext.Current.CancellationToken)).Count(line => line.Contains("EIO (Input/output error) (INJECTED)", StringComparison.Ordinal)));
        Assert.Equal((74, ""), (result.ExitCode, result.Out));
        Assert.Contains($"{call} ", result.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Join(dscache.JobDirectory, "dataset")));
        Assert.Contains("\"entries\": []", (await dscache.RunAsync("ls", "--json")).Out, StringComparison.Ordinal);

        var healthy = await fault.HealsAsync(() => dscache.GetAsync(origin));
        Assert.Equal(0, healthy.ExitCode);
        fault.HandedOut(healthy.Out.Trim(), [KeyValuePair.Create("a.txt", "alpha"u8.ToArray()), KeyValuePair.Create("b.bin", "beta"u8.ToArray())]);
        using (var again = JsonDocument.Parse((await dscache.GetAsync(origin, "--json", "-q")).Out))
            fault.ReadOnce(again.RootElement.GetProperty("bytesFromOrigin").GetInt64());
        Assert.Equal(0, (await dscache.RunAsync("prune", "--orphaned", "-y")).ExitCode);
        fault.NoOrphans(dscache.In("cache"));
        fault.End();
    }
}
