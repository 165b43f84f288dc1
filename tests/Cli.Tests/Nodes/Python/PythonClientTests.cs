using DatasetCache.Eviction;
using DatasetCache.Origins;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Python;

/// <summary>clients/python/dscache.py, run by a real Python against a node.</summary>
public sealed class PythonClientTests : IDisposable
{
    private const string Interpreter = "/usr/bin/python3";

    private readonly Dscache dscache = new();

    public PythonClientTests()
    {
        Assert.SkipUnless(File.Exists(Interpreter), "python3 is not installed");
        dscache.Environment["PYTHONPATH"] = Repository.File("clients/python");
        dscache.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
    }

    public void Dispose() => dscache.Dispose();

    private RunningProcess Start(string script, params string[] arguments) => dscache.StartProgram(Interpreter, ["-W", "error", "-c", "import sys, dscache\n" + script, .. arguments]);

    private async Task<Result> RunAsync(string script, params string[] arguments)
    {
        using var process = Start(script, arguments);
        return await process.WaitAsync();
    }

    private Task<TestNode> StartNodeAsync(string source, TimeSpan? leaseTtl = null, IOriginFactory? origins = null) => TestNode.StartAsync(dscache.In("cache"), source, leaseTtl, origins: origins);

    // Says where its dataset is, and keeps it until a line comes.
    private const string Hold = """
        lease = dscache.acquire(sys.argv[1], into=sys.argv[2], job_id="91")
        with lease as path:
            print(lease.cache_key, lease.outcome, path, flush=True)
            sys.stdin.readline()
            print((path / "a.txt").read_text())
        """;

    [Fact(Timeout = 60_000)]
    public async Task A_dataset_is_linked_and_leased_for_as_long_as_the_block_lasts()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source);
        using var process = Start(Hold, source, dscache.JobDirectory);
        var words = (await process.ReadLineAsync()).Split(' ');
        var during = node.Service.Leases;
        await process.TypeAsync("\n");
        var result = await process.WaitAsync();

        Assert.Equal((0, "", 1, 0), (result.ExitCode, result.Error, during, node.Service.Leases));
        Assert.Equal(("miss", dscache.JobDirectory + "/dataset"), (words[1], words[2]));
        Assert.EndsWith("alpha\n", result.Out, StringComparison.Ordinal);
        // As after `dscache get`: the link stays and protects.
        var entry = Assert.Single(node.Cache.List());
        Assert.Equal(words[0], entry.CacheKey);
        Assert.Single(entry.Holders, holder => holder.Link == dscache.JobDirectory + "/dataset" && holder.JobId == "91");

        var released = await RunAsync("print(dscache.release(sys.argv[1]), dscache.release(sys.argv[1]))", dscache.JobDirectory);
        Assert.Equal((0, "True False\n"), (released.ExitCode, released.Out));
        Assert.False(Path.Exists(dscache.JobDirectory + "/dataset"));
        Assert.Equal(EvictionOutcome.Evicted, (await node.Service.EvictAsync(entry.CacheKey, dryRun: false, CancellationToken.None)).Outcome);
    }

    [Fact(Timeout = 60_000)]
    [Trait("Fault", "12")]
    public async Task A_lease_outlives_a_node_that_forgot_it()
    {
        var source = dscache.MakeFolder();
        var ttl = TimeSpan.FromSeconds(1);
        var first = await StartNodeAsync(source, ttl);
        using var process = Start("lease = dscache.acquire(sys.argv[1])\nprint(lease.cache_key, flush=True)\nsys.stdin.readline()\nlease.release()", source);
        var key = await process.ReadLineAsync();
        await first.DisposeAsync();
        File.Delete(dscache.In("cache/leases"));
        await using var second = await StartNodeAsync(source, ttl);
        var forgotten = second.Service.Leases;
        while (second.Service.Leases == 0)
            await Task.Delay(50);
        var evicted = await second.Service.EvictAsync(key, dryRun: false, CancellationToken.None);
        await process.TypeAsync("\n");
        var result = await process.WaitAsync();

        Assert.Equal((0, EvictionOutcome.Protected), (forgotten, evicted.Outcome));
        Assert.Equal((0, "", 0), (result.ExitCode, result.Error, second.Service.Leases));
    }

    [Fact(Timeout = 60_000)]
    [Trait("Fault", "12")]
    public async Task A_node_that_is_killed_in_the_middle_and_comes_back_is_no_error_to_the_script()
    {
        var source = dscache.MakeFolder();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stuck = new MemoryOrigin();
        stuck.Put("s3://bucket/photos/a.txt", "alpha");
        stuck.BeforeRead = async (_, _, cancel) =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancel);
        };
        var first = await StartNodeAsync(source, origins: stuck);
        using var process = Start(Hold, "s3://bucket/photos", dscache.JobDirectory);
        await asked.Task;
        await first.DisposeAsync();
        stuck.BeforeRead = null;
        await using var second = await StartNodeAsync(source, origins: stuck);
        Assert.Contains(" miss ", await process.ReadLineAsync(), StringComparison.Ordinal);
        await process.TypeAsync("\n");
        Assert.Equal(0, (await process.WaitAsync()).ExitCode);
    }

    [Fact(Timeout = 60_000)]
    public async Task Progress_is_told_while_a_miss_is_fetched()
    {
        var origin = new MemoryOrigin();
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        origin.BeforeRead = async (_, _, cancel) => await open.Task.WaitAsync(cancel);
        await using var node = await StartNodeAsync("/origin", origins: origin);
        using var process = Start("""
            with dscache.acquire("s3://bucket/photos", progress=lambda p: print(p.phase, p.bytes_done, p.bytes_total, flush=True)) as path:
                print("ready", (path / "a.txt").read_text())
            """);
        var line = await process.ReadLineAsync();
        while (!string.Equals(line, "downloading 0 5", StringComparison.Ordinal))
            line = await process.ReadLineAsync();
        open.SetResult();
        var result = await process.WaitAsync();
        Assert.Equal(0, result.ExitCode);
        Assert.EndsWith("ready alpha\n", result.Out, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task A_file_is_read_in_parts_and_listed()
    {
        var source = dscache.MakeFolder();
        File.WriteAllText(Path.Combine(source, "a #1 ü.txt"), "0123456789");
        await using var node = await StartNodeAsync(source);
        var result = await RunAsync("""
            with (lease := dscache.acquire(sys.argv[1])):
                name = "a #1 ü.txt"
                print([dscache.read(lease.cache_key, name, 3, 4), dscache.read(lease.cache_key, name, 8, 100), dscache.read(lease.cache_key, name)[-2:],
                       dscache.read(lease.cache_key, name, 10, 5), dscache.read(lease.cache_key, name, 6)])
                print([(f["path"], f["size"]) for f in dscache.files(lease.cache_key)])
            """, source);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        Assert.Equal("[b'3456', b'89', b'89', b'', b'6789']\n[('a #1 ü.txt', 10), ('a.txt', 5), ('b.bin', 4)]\n", result.Out);
    }

    [Fact(Timeout = 60_000)]
    public async Task What_goes_wrong_is_said_with_its_code_and_what_to_do()
    {
        await using (var node = await StartNodeAsync(dscache.MakeFolder()))
        {
            Directory.CreateDirectory(dscache.In("job/dataset"));
            var result = await RunAsync("""
                for call in (lambda: dscache.acquire("snap_1", dataset_id="none"), lambda: dscache.acquire(sys.argv[1], into=sys.argv[2]), lambda: dscache.acquire("snap_1"),
                             lambda: dscache.read("no_such_key", "a.txt")):
                    try:
                        call()
                    except dscache.DscacheError as e:
                        print(e.code, "|", e)
                """, dscache.In("photos"), dscache.JobDirectory);
            var lines = result.Out.Split('\n');
            Assert.Equal((0, "notFound", "invalidArgument", "invalidArgument", "notFound"), (result.ExitCode, lines[0].Split(' ')[0], lines[1].Split(' ')[0], lines[2].Split(' ')[0], lines[3].Split(' ')[0]));
            Assert.Contains("is a real directory, not a link. Nothing was deleted.", lines[1], StringComparison.Ordinal);
            Assert.Equal(0, node.Service.Leases);
        }
        var none = await RunAsync("dscache.acquire('s3://bucket/photos')");
        Assert.Equal(1, none.ExitCode);
        Assert.Contains($"dscache.NodeNotFoundError: No node answers for the cache root {dscache.In("cache")} (none holds its node.lock). Start one (`dscache serve`", none.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task The_root_is_looked_for_where_dscache_looks()
    {
        var source = dscache.MakeFolder();
        await using var node = await StartNodeAsync(source);
        dscache.Environment.Remove("DSCACHE_ROOT");
        File.WriteAllText(dscache.In("dscache.json"), $$"""
            {
              // where it is
              "cache": { "root": "{{dscache.In("cache")}}", /* "root": "/no" */ },
            }
            """);
        Assert.Equal("test-node\n", (await RunAsync("print(dscache.status()['node'])")).Out);
    }
}
