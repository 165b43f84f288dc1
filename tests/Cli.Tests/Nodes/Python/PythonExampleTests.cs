using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes.Python;

/// <summary>The examples in Python do what they say. PyTorch and Temporal are played by a few lines: what is theirs is not what is tested.</summary>
public sealed class PythonExampleTests : IDisposable
{
    private const string Interpreter = "/usr/bin/python3";

    private readonly Dscache dscache = new();

    public PythonExampleTests()
    {
        Assert.SkipUnless(File.Exists(Interpreter), "python3 is not installed");
        dscache.Environment["PYTHONPATH"] = $"{Repository.File("clients/python")}:{Repository.File("examples/python")}:{dscache.Folder}";
        dscache.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        dscache.Environment["SNAPSHOT_ID"] = "snap_1";
        dscache.Environment["DATASET_ID"] = "coco";
    }

    public void Dispose() => dscache.Dispose();

    private void Write(string module, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(dscache.In(module))!);
        File.WriteAllText(dscache.In(module), text);
    }

    private async Task<Result> RunAsync(params string[] arguments)
    {
        using var process = dscache.StartProgram(Interpreter, arguments);
        return await process.WaitAsync();
    }

    // One rank, of which the first host has it.
    private void PlayTorch()
    {
        Write("torch/__init__.py", "");
        Write("torch/distributed.py", """
            def init_process_group(backend, timeout): pass
            def destroy_process_group(): print("over")
            def get_rank(): return 0
            def get_world_size(): return 1
            def barrier(): print("barrier")
            def all_gather_object(into, mine): into[0] = mine
            """);
        dscache.Environment["LOCAL_RANK"] = "0";
    }

    private void PlayTemporal()
    {
        Write("temporalio/__init__.py", "");
        Write("temporalio/exceptions.py", """
            class CancelledError(Exception): pass
            class ApplicationError(Exception):
                def __init__(self, message, type, non_retryable): super().__init__(message, type, non_retryable)
            """);
        Write("temporalio/activity.py", """
            from types import SimpleNamespace
            beats = []
            def defn(function): return function
            def heartbeat(*details): beats.append(details)
            def is_cancelled(): return False
            def info(): return SimpleNamespace(workflow_id="workflow-7")
            """);
    }

    [Fact(Timeout = 60_000)]
    public async Task The_first_rank_of_a_host_acquires_and_all_train_where_it_says()
    {
        PlayTorch();
        await using var node = await TestNode.StartAsync(dscache.In("cache"), dscache.MakeOrigin("coco"));
        var result = await RunAsync(Repository.File("examples/python/train_ddp.py"));
        var path = node.Cache.List().Single().Path;
        Assert.Equal((0, $"rank 0: 2 of 2 in {path}\nbarrier\nover\n"), (result.ExitCode, result.Out));
        Assert.Contains("of 9 bytes", result.Error, StringComparison.Ordinal);
        Assert.Equal(0, node.Service.Leases);
    }

    [Fact(Timeout = 60_000)]
    public async Task Ranks_end_with_the_reason_where_a_host_cannot_have_it()
    {
        PlayTorch();
        dscache.Environment["DATASET_ID"] = "none";
        await using var node = await TestNode.StartAsync(dscache.In("cache"), dscache.MakeOrigin("coco"));
        var result = await RunAsync(Repository.File("examples/python/train_ddp.py"));
        Assert.Equal((1, "over\n"), (result.ExitCode, result.Out));
        Assert.Contains("The dataset could not be had.", result.Error, StringComparison.Ordinal);
    }

    [Fact(Timeout = 60_000)]
    public async Task An_activity_beats_while_it_waits_and_its_link_protects_what_it_got()
    {
        PlayTemporal();
        await using var node = await TestNode.StartAsync(dscache.In("cache"), dscache.MakeOrigin("coco"));
        var result = await RunAsync("-c", """
            import sys
            from temporalio import activity
            import temporal_activity as example
            print(example.get_dataset("snap_1", "coco", sys.argv[1]), len(activity.beats) > 0)
            try:
                example.get_dataset("snap_1", "none", sys.argv[1])
            except Exception as e:
                print(type(e).__name__, e.args[1:])
            """, dscache.JobDirectory);
        Assert.Equal((0, $"{dscache.JobDirectory}/dataset True\nApplicationError ('notFound', True)\n"), (result.ExitCode, result.Out));
        Assert.Contains(node.Cache.List().Single().Holders, holder => holder.JobId == "workflow-7");

        Assert.Equal("True\n", (await RunAsync("-c", "import sys, temporal_activity as example\nprint(example.release_dataset(sys.argv[1]))", dscache.JobDirectory)).Out);
    }
}
