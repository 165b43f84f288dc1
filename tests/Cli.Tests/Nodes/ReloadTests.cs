using System.Text.Json;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>Settings of a daemon that runs.</summary>
public sealed class ReloadTests : IDisposable
{
    private const int HangUp = 1;

    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task Quota_and_times_to_live_change_without_a_restart_and_wrong_ones_change_nothing()
    {
        var file = dscache.In("dscache.json");
        File.WriteAllText(file, """{"cache": {"maxSize": "50GB"}}""");
        var source = dscache.MakeFolder();
        await using var server = await ServeProcess.StartAsync(dscache, "--origin", source);
        using var client = ServeProcess.Client(dscache);
        await dscache.GetAsync(source);
        Assert.Equal(50_000_000_000, await QuotaAsync(client));
        var before = await ExpiresAsync();

        // SIGHUP is what systemctl reload sends.
        File.WriteAllText(file, """{"cache": {"maxSize": "60GB"}, "eviction": {"baseTtl": "48h"}, "lock": {"timeout": "1m"}}""");
        server.Signal(HangUp);
        await server.HeardAsync($"cache.maxSize is 60GB from now on (file {file}); it was 50GB");
        await server.HeardAsync("eviction.baseTtl is 48h from now on");
        await server.HeardAsync($"lock.timeout has changed (file {file}), and counts from the next start");
        Assert.Equal(60_000_000_000, await QuotaAsync(client));
        Assert.True(await ExpiresAsync() - before > TimeSpan.FromHours(20));

        File.WriteAllText(file, """{"cache": {"maxSize": "plenty"}, "eviction": {"baseTtl": "1h"}}""");
        server.Signal(HangUp);
        await server.HeardAsync("cannot be used; all stays as it was: cache.maxSize is 'plenty'");
        Assert.Equal(60_000_000_000, await QuotaAsync(client));

        File.Delete(file);
        server.Signal(HangUp);
        await server.HeardAsync("a file that was there at the start of the node is gone");

        // And by itself, where nobody says anything.
        File.WriteAllText(file, """{"cache": {"maxSize": "70GB"}, "eviction": {"baseTtl": "48h"}, "lock": {"timeout": "1m"}}""");
        await server.HeardAsync("cache.maxSize is 70GB from now on");
        Assert.Equal(70_000_000_000, await QuotaAsync(client));
    }

    private static async Task<long> QuotaAsync(HttpClient client)
        => JsonDocument.Parse(await client.GetStringAsync("/v1/status")).RootElement.GetProperty("space").GetProperty("quota").GetInt64();

    // The daemon's own judgement: a command beside it would read the file.
    private async Task<DateTimeOffset> ExpiresAsync()
    {
        using var client = ServeProcess.Client(dscache);
        return JsonDocument.Parse(await client.GetStringAsync("/v1/datasets")).RootElement.GetProperty("datasets")[0].GetProperty("expiresAt").GetDateTimeOffset();
    }
}
