using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>dscache on a host whose node runs.</summary>
public sealed class NodeCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    private Task<TestNode> StartNodeAsync(string folder, TimeSpan? leaseTtl = null) => TestNode.StartAsync(dscache.In("cache"), folder, leaseTtl);

    [Fact]
    public async Task A_miss_and_a_hit_go_through_the_node_and_the_link_protects_the_entry()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source);

        var miss = await dscache.GetAsync(source, "--json", "-q");
        var hit = await dscache.GetAsync(source, "--json", "-q");

        Assert.Equal((0, ""), (miss.ExitCode, miss.Error));
        Assert.Equal((0, ""), (hit.ExitCode, hit.Error));
        Assert.Equal(["miss", "hit"], new[] { miss, hit }.Select(result => JsonDocument.Parse(result.Out).RootElement.GetProperty("outcome").GetString()));
        var entry = Assert.Single(node.Cache.List());
        Assert.Equal((Path.Combine(dscache.JobDirectory, "dataset"), false), (Assert.Single(Links(entry)).Link, node.Service.Status().Leases > 0));
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(dscache.JobDirectory, "dataset", "a.txt")));
        // The node's engine did it.
        Assert.Equal((1L, 1L), Served(node));
    }

    // The node's leases leave a hold beside them for a while.
    private static IEnumerable<EntryHolder> Links(EntrySummary entry) => entry.Holders.Where(holder => holder.Link.Length > 0);

    private static (long Hits, long Misses) Served(TestNode node)
    {
        var today = DateOnly.FromDateTime(TimeProvider.System.GetUtcNow().UtcDateTime);
        var all = node.Cache.Statistics(today.AddDays(-1), today).Total;
        return (all.Hits, all.Misses);
    }

    [Theory]
    [InlineData("symlink")]
    [InlineData("tree")]
    [InlineData("copy")]
    public async Task Every_link_mode_says_and_makes_the_same_with_a_node_as_without(string mode)
    {
        var source = dscache.MakeFolder();
        var outputs = new List<(int, string, string, string)>();
        foreach (var withNode in new[] { false, true })
        {
            var root = dscache.Environment["DSCACHE_ROOT"] = dscache.In(withNode ? "cache-node" : "cache");
            await using var node = withNode ? await TestNode.StartAsync(root, source) : null;
            foreach (var _ in new[] { "miss", "hit" })
            {
                var get = await dscache.GetAsync(source, "--json", "--link", mode);
                outputs.Add((get.ExitCode, Comparable(get.Out, root), get.Error.TrimEnd().Split('\n')[^1], File.ReadAllText(Path.Combine(dscache.JobDirectory, "dataset", "a.txt"))));
            }
            var released = await dscache.RunAsync("release", dscache.JobDirectory, "--json");
            outputs.Add((released.ExitCode, released.Out, released.Error, Directory.EnumerateFileSystemEntries(dscache.JobDirectory).Count().ToString(System.Globalization.CultureInfo.InvariantCulture)));
            var again = await dscache.RunAsync("release", dscache.JobDirectory);
            outputs.Add((again.ExitCode, again.Out, again.Error, ""));
        }

        Assert.Equal(outputs[..4], outputs[4..]);
    }

    // Times differ, and the root's name.
    private static string Comparable(string json, string root)
    {
        using var document = JsonDocument.Parse(json);
        return string.Join('\n', document.RootElement.EnumerateObject().Where(property => property.Name != "seconds").Select(property => property.ToString())).Replace(root + "/", "ROOT/", StringComparison.Ordinal);
    }

    [Fact]
    public async Task Errors_have_the_words_and_the_exit_code_that_they_have_without_a_node()
    {
        var origin = dscache.MakeOrigin("ds_1");
        var results = new List<Result>();
        foreach (var withNode in new[] { false, true })
        {
            var root = dscache.Environment["DSCACHE_ROOT"] = dscache.In(withNode ? "cache-node" : "cache");
            await using var node = withNode ? await TestNode.StartAsync(root, origin) : null;
            foreach (var json in new[] { "--json", "--progress=none" })
            {
                results.Add(await dscache.RunAsync("get", "snap_1", "--dataset", "ds_1", "--origin", origin, "--hash", new string('0', 64), "--into", dscache.JobDirectory, json, "-q"));
                results.Add(await dscache.RunAsync("get", "snap_1", "--dataset", "ds_2", "--origin", origin, "--into", dscache.JobDirectory, json, "-q"));
                results.Add(await dscache.RunAsync("get", "snap_1", "--dataset", "../ds", "--origin", origin, "--into", dscache.JobDirectory, json, "-q"));
            }
            Directory.CreateDirectory(Path.Combine(dscache.JobDirectory, "dataset"));
            results.Add(await dscache.RunAsync("get", "snap_1", "--dataset", "ds_1", "--origin", origin, "--into", dscache.JobDirectory, "-q"));
            Directory.Delete(Path.Combine(dscache.JobDirectory, "dataset"));
        }

        Assert.Equal([ExitCode.Integrity, ExitCode.NotFound], results[..2].Select(result => result.ExitCode));
        Assert.Equal(results[..7], results[7..]);
    }

    [Fact]
    public async Task Two_that_ask_at_once_share_one_download()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source);

        using var one = dscache.Start("get", source, "--into", dscache.In("job1"), "--json", "-q");
        using var two = dscache.Start("get", source, "--into", dscache.In("job2"), "--json", "-q");
        var results = new[] { await one.WaitAsync(), await two.WaitAsync() };

        Assert.All(results, result => Assert.Equal((0, ""), (result.ExitCode, result.Error)));
        Assert.Equal(9, results.Sum(result => JsonDocument.Parse(result.Out).RootElement.GetProperty("bytesFromOrigin").GetInt64()));
        Assert.Equal(2, Links(Assert.Single(node.Cache.List())).Count());
    }

    [Fact]
    public async Task Run_holds_a_lease_that_outlasts_its_time_and_lets_go_at_the_end()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source, leaseTtl: TimeSpan.FromSeconds(1));

        using var process = dscache.Start("run", source, "-q", "--", "/bin/sh", "-c", "echo $DATASET_PATH; read line; cat $DATASET_PATH/a.txt");
        var path = await process.ReadLineAsync();
        var key = Path.GetFileName(path);
        // Renewed when a third of its time has passed: three times as long as it holds by itself.
        await node.RenewedAsync(9);
        Assert.Equal(Eviction.EvictionOutcome.Protected, (await node.Service.EvictAsync(key, dryRun: false, CancellationToken.None)).Outcome);
        await process.TypeAsync("\n");
        var result = await process.WaitAsync();

        Assert.Equal((0, path + "\nalpha"), (result.ExitCode, result.Out));
        Assert.Equal(0, node.Service.Status().Leases);
        Assert.Equal(Eviction.EvictionOutcome.Evicted, (await node.Service.EvictAsync(key, dryRun: false, CancellationToken.None)).Outcome);
    }

    [Fact]
    public async Task A_folder_that_the_node_does_not_read_for_others_is_read_by_the_command_itself()
    {
        var mine = dscache.MakeFolder("mine");
        await using var node = await StartNodeAsync(dscache.MakeFolder("public"));

        var result = await dscache.GetAsync(mine, "-q");

        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal((0L, 1L), Served(node));
        Assert.Equal(0, node.Service.Status().Leases);
    }

    [Fact]
    public async Task Status_tells_of_the_node_or_that_there_is_none()
    {
        var source = dscache.MakeFolder();
        var without = await dscache.RunAsync("status", "--json");
        await using var node = await StartNodeAsync(source);
        await dscache.GetAsync(source, "-q");

        var text = await dscache.RunAsync("status");
        using var json = JsonDocument.Parse((await dscache.RunAsync("status", "--json")).Out);

        Assert.Equal((0, "{\"node\":null}\n"), (without.ExitCode, without.Out));
        Assert.Contains("node test-node", text.Out, StringComparison.Ordinal);
        Assert.Contains("1 entries, 9 B", text.Out, StringComparison.Ordinal);
        Assert.Equal(("test-node", 1, dscache.In("cache")), (json.RootElement.GetProperty("node").GetString(), json.RootElement.GetProperty("entries").GetInt32(), json.RootElement.GetProperty("cacheRoot").GetString()));
    }

    [Fact]
    public async Task Status_shows_the_limits_and_the_nodes_of_the_cluster()
    {
        await using var node = await StartNodeAsync(dscache.MakeFolder());

        var text = (await dscache.RunAsync("status")).Out;

        Assert.Contains("upload no bound, download no bound, processors no bound", text, StringComparison.Ordinal);
        Assert.Matches(@"test-node +10\.1\.0\.1:4681 +alive +1 +9 B", text);
        Assert.Matches(@"other-node +- +does not answer \(Active\)", text);
    }

    [Fact]
    public async Task Limits_change_while_the_node_runs_and_one_at_a_time()
    {
        await using var node = await StartNodeAsync(dscache.MakeFolder());

        var changed = await dscache.RunAsync("limits", "--upload", "5MB", "--cpu", "25");
        var more = await dscache.RunAsync("limits", "--download", "0", "--upload", "1MiB", "--json");
        var wrong = await dscache.RunAsync("limits", "--cpu", "101");

        Assert.Equal((0, 0, 78), (changed.ExitCode, more.ExitCode, wrong.ExitCode));
        Assert.Contains("processors 25 %", changed.Out, StringComparison.Ordinal);
        Assert.Contains("until the node ends", changed.Error, StringComparison.Ordinal);
        Assert.Contains("cluster.cpu is 101", wrong.Error, StringComparison.Ordinal);
        Assert.Equal((1L << 20, 0L, 25), (node.Caps.Limits.UploadBytesPerSecond, node.Caps.Limits.DownloadBytesPerSecond, node.Caps.Limits.CpuPercent));
        Assert.Equal("{\"uploadBytesPerSecond\":1048576,\"downloadBytesPerSecond\":0,\"cpuPercent\":25}\n", more.Out);
        Assert.Equal(1L << 20, node.Caps.Upload.PerSecond);
    }

    [Fact]
    public async Task Where_the_token_may_not_be_used_the_store_is_used_as_without_a_node()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source);
        await File.WriteAllTextAsync(node.Token.Path, new string('0', 64));

        var result = await dscache.GetAsync(source, "--progress", "none");

        Assert.Equal(0, result.ExitCode);
        Assert.Contains("going on without the node of this host: it refuses the token", result.Error, StringComparison.Ordinal);
    }
}
