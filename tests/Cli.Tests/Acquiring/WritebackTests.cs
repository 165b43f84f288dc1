namespace DatasetCache.Cli.Tests.Acquiring;

/// <summary>When what was downloaded begins to go to the disk: seen by the kernel's own calls.</summary>
public sealed class WritebackTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Theory]
    [InlineData("true", 3)]
    [InlineData("false", 0)]
    public async Task Writing_back_begins_with_each_piece_where_the_end_waits_for_the_disk_and_is_the_kernel_s_otherwise(string durable, int begun)
    {
        const string strace = "/usr/bin/strace";
        Assert.SkipUnless(File.Exists(strace), "strace is not installed");
        var origin = dscache.In("large");
        Directory.CreateDirectory(origin);
        await File.WriteAllBytesAsync(Path.Join(origin, "large.bin"), new byte[3 << 20], TestContext.Current.CancellationToken);
        dscache.Environment["DSCACHE_DURABLE"] = durable;
        var trace = dscache.In("trace");

        using var process = dscache.StartProgram(strace, "-f", "-o", trace, "-e", "trace=sync_file_range", Dscache.Program, "get", origin, "--into", dscache.JobDirectory, "--select", "all");
        Assert.Equal(0, (await process.WaitAsync()).ExitCode);

        Assert.Equal(begun, (await File.ReadAllLinesAsync(trace, TestContext.Current.CancellationToken)).Count(line => line.Contains("sync_file_range(", StringComparison.Ordinal)));
    }
}
