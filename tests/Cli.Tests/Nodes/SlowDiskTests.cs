using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Json;
using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>A disk that takes two seconds for each write of a download's data: strace holds a real daemon's calls back.</summary>
public sealed class SlowDiskTests : IDisposable
{
    private const string Strace = "/usr/bin/strace";

    // Well below the two seconds that a hit would take if it waited for one write, and far above any noise.
    private static readonly TimeSpan Noise = TimeSpan.FromSeconds(1);
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fault(7)]
    public async Task While_a_download_waits_two_seconds_for_each_write_hits_of_other_datasets_take_no_longer()
    {
        Assert.SkipUnless(File.Exists(Strace), "strace is not installed");
        var fault = new FaultCase(7);
        fault.Guard(dscache.In("theirs"));
        var contents = Enumerable.Range(0, 24).ToDictionary(i => string.Create(CultureInfo.InvariantCulture, $"{i}.bin"), i => MemoryOrigin.Bytes(i, 1_500_000), StringComparer.Ordinal);
        dscache.MakeOrigin("quick");
        Directory.CreateDirectory(dscache.In("origin/datasets/slow"));
        foreach (var (name, content) in contents)
            await File.WriteAllBytesAsync(dscache.In($"origin/datasets/slow/{name}"), content, TestContext.Current.CancellationToken);
        dscache.Environment["DSCACHE_ORIGIN"] = dscache.In("origin");
        await using var server = await ServeProcess.StartAsync(dscache);
        using var client = ServeProcess.Client(dscache);
        for (var i = 0; i < 10; i++)
            await HitAsync(client);
        // Where it will be written, the next time. What a hit writes, its lease and its use, is on a disk that is well.
        var first = GetAsync(client, "slow");
        string? area = null;
        while (!first.IsCompleted)
        {
            area = Directory.EnumerateDirectories(dscache.In("cache/staging")).FirstOrDefault() ?? area;
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        Assert.NotNull(area);
        var key = Path.GetFileName(await first);
        using (var evicted = await client.DeleteAsync($"/v1/datasets/{key}", TestContext.Current.CancellationToken))
            Assert.True(evicted.IsSuccessStatusCode, await evicted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        var slowFiles = contents.Keys.SelectMany(name => (string[])["-P", $"{area}/tree/{name}"]);

        var trace = dscache.In("trace");
        using var strace = Process.Start(new ProcessStartInfo(Strace, ["-f", "-p", server.Id.ToString(CultureInfo.InvariantCulture), "-o", trace, .. slowFiles, "-e", "trace=pwrite64,write,fsync", "-e", "inject=pwrite64,write,fsync:delay_enter=2000000"]) { RedirectStandardError = true, UseShellExecute = false })!;
        string? attached;
        do
            attached = await strace.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
        while (attached?.Contains("resolved", StringComparison.Ordinal) == true);
        Assert.SkipUnless(attached?.Contains("attached", StringComparison.Ordinal) == true, $"strace may not attach: {attached}");
        _ = strace.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        // Under strace too, with nothing that waits.
        var before = new List<TimeSpan>();
        while (before.Count < 30)
            before.Add(await HitAsync(client));
        var downloading = GetAsync(client, "slow");
        while (Delayed(trace) == 0 && !downloading.IsCompleted)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        var during = new List<TimeSpan>();
        while (!downloading.IsCompleted && during.Count < 100)
            during.Add(await HitAsync(client));
        fault.Fired(Delayed(trace));
        RunningProcess.Signal(strace.Id, 2);
        await strace.WaitForExitAsync(TestContext.Current.CancellationToken);

        var path = await fault.HealsAsync(() => downloading);
        fault.HandedOut(path, contents);
        Assert.True(during.Count >= 20, $"only {during.Count} hits while the disk was slow");
        var (usual, slow) = (Percentile99(before), Percentile99(during));
        fault.Worst(during.Count, "hits beside it");
        fault.Worst(slow.TotalMilliseconds, "ms p99 of a hit beside it");
        fault.Worst(usual.TotalMilliseconds, "ms p99 of a hit before");
        Assert.True(slow <= 2 * usual || slow < Noise, $"p99 {usual.TotalMilliseconds} ms before, {slow.TotalMilliseconds} ms while the disk was slow ({during.Count} hits)");
        server.Signal(15);
        Assert.Equal(0, await server.ExitAsync());
        fault.NoOrphans(dscache.In("cache"));
        fault.End();
    }

    // Each line is a call that was held back.
    private static long Delayed(string trace) => File.Exists(trace) ? File.ReadLines(trace).LongCount(line => line.Contains("(DELAYED)", StringComparison.Ordinal)) : 0;

    private static TimeSpan Percentile99(IEnumerable<TimeSpan> times) => times.Order().ToArray() is var sorted ? sorted[(int)Math.Ceiling(0.99 * sorted.Length) - 1] : default;

    private static async Task<TimeSpan> HitAsync(HttpClient client)
    {
        var since = Stopwatch.GetTimestamp();
        await GetAsync(client, "quick");
        return Stopwatch.GetElapsedTime(since);
    }

    /// <returns>The folder; its lease is let go of.</returns>
    private static async Task<string> GetAsync(HttpClient client, string dataset)
    {
        using var begun = await client.PostAsJsonAsync("/v1/acquire", new { dataset = new { datasetId = dataset, snapshotId = "s-" + dataset, select = "all" }, wait = 20 });
        var work = await begun.Content.ReadFromJsonAsync<JsonElement>();
        while (work.GetProperty("state").GetString() is "running")
            work = await client.GetFromJsonAsync<JsonElement>($"/v1/acquisitions/{work.GetProperty("ticket").GetString()}?wait=20");
        var ready = work.GetProperty("dataset");
        using var released = await client.DeleteAsync($"/v1/leases/{ready.GetProperty("lease").GetProperty("id").GetString()}");
        return ready.GetProperty("snapshotPath").GetString()!;
    }
}
