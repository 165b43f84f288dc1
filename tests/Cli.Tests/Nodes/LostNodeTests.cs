using System.Text.Json;
using DatasetCache.Origins;
using Xunit;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>The node goes away while dscache talks to it.</summary>
public sealed class LostNodeTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    [Trait("Fault", "12")]
    public async Task A_node_that_is_killed_in_the_middle_and_comes_back_is_no_error_to_the_job()
    {
        var source = dscache.MakeFolder();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var first = await TestNode.StartAsync(dscache.In("cache"), source, origins: new Stuck(source, asked));
        using var process = dscache.Start("get", source, "--into", dscache.JobDirectory, "--json", "--progress", "none");
        await asked.Task;
        await first.DisposeAsync();
        await using var second = await TestNode.StartAsync(dscache.In("cache"), source);

        var result = await process.WaitAsync();

        Assert.Equal(0, result.ExitCode);
        Assert.Equal("miss", JsonDocument.Parse(result.Out).RootElement.GetProperty("outcome").GetString());
        Assert.Contains("waiting for it", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("going on without", result.Error, StringComparison.Ordinal);
        Assert.Single(second.Cache.List(), entry => entry.Holders.Any(holder => holder.Link == Path.Combine(dscache.JobDirectory, "dataset")));
    }

    [Fact]
    public async Task A_node_that_does_not_come_back_is_done_without()
    {
        var source = dscache.MakeFolder();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var node = await TestNode.StartAsync(dscache.In("cache"), source, origins: new Stuck(source, asked));
        using var process = dscache.Start("get", source, "--into", dscache.JobDirectory, "--progress", "none");
        await asked.Task;
        await node.DisposeAsync();

        var result = await process.WaitAsync();

        Assert.Equal((0, $"{dscache.JobDirectory}/dataset\n"), (result.ExitCode, result.Out));
        Assert.Contains("going on without the node of this host: it has ended", result.Error, StringComparison.Ordinal);
        Assert.Equal("alpha", await File.ReadAllTextAsync(Path.Combine(dscache.JobDirectory, "dataset", "a.txt")));
    }

    [Fact]
    public async Task A_signal_gives_up_what_the_node_was_asked_for()
    {
        var source = dscache.MakeFolder();
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var node = await TestNode.StartAsync(dscache.In("cache"), source, origins: new Stuck(source, asked));
        using var process = dscache.Start("get", source, "--into", dscache.JobDirectory, "--progress", "none");
        await asked.Task;

        process.Signal(15);
        var result = await process.WaitAsync();

        Assert.Equal(ExitCode.SignalBase + 15, result.ExitCode);
        Assert.Empty(node.Service.Status().Working);
    }

    [Fact]
    public async Task A_run_whose_node_is_started_anew_keeps_its_dataset()
    {
        var source = dscache.MakeFolder();
        var first = await TestNode.StartAsync(dscache.In("cache"), source, leaseTtl: TimeSpan.FromSeconds(1));
        using var process = dscache.Start("run", source, "-q", "--", "/bin/sh", "-c", "echo $DATASET_PATH; read line; cat $DATASET_PATH/a.txt");
        var key = Path.GetFileName(await process.ReadLineAsync());
        await first.DisposeAsync();
        await using var second = await TestNode.StartAsync(dscache.In("cache"), source, leaseTtl: TimeSpan.FromSeconds(1));
        await second.RenewedAsync(9);

        Assert.Equal(Eviction.EvictionOutcome.Protected, (await second.Service.EvictAsync(key, dryRun: false, CancellationToken.None)).Outcome);
        await process.TypeAsync("\n");
        Assert.EndsWith("alpha", (await process.WaitAsync()).Out, StringComparison.Ordinal);
        Assert.Equal(0, second.Service.Status().Leases);
    }

    // Says that it was asked for bytes, and never gives any.
    private sealed class Stuck(string folder, TaskCompletionSource asked) : IOriginFactory, IOrigin
    {
        private readonly FolderOrigin inner = new(folder);

        public string Identity => inner.Identity;

        public (IOrigin Origin, string Prefix) Open(string? origin) => (this, "");

        public IAsyncEnumerable<OriginObject> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

        public async ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken)
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellationToken);
            throw new InvalidOperationException();
        }

        public void Dispose() => inner.Dispose();
    }
}
