using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>Three nodes on this host, and what becomes of a download that they share when one of them is lost.</summary>
[Collection(Machine.Name)]
public sealed class ClusterTests
{
    [Fault(17)]
    public async Task Sixty_four_jobs_on_all_nodes_cost_one_read_of_each_byte()
    {
        var nodes = FaultCase.IsLong ? 8 : 3;
        await using var cluster = await TestCluster.StartAsync(nodes);
        var fault = cluster.Case(17);

        var jobs = await fault.HealsAsync(() => Task.WhenAll(Enumerable.Range(0, 64).Select(i => cluster.Nodes[i % nodes].AcquireAsync())));
        fault.Fired(jobs.Length);

        Assert.True(cluster.Origin.Served.Repeated == 0, cluster.Origin.Served + cluster.Said);
        fault.ReadOnce(cluster.Origin.Served.Repeated);
        Assert.Equal(TestCluster.Bytes, cluster.Origin.Served.Total);
        Assert.Equal(nodes, jobs.Select(job => job.Path).Distinct().Count());
        foreach (var path in jobs.Select(job => job.Path).Distinct())
            await TestCluster.CheckAsync(path);
        if (nodes == 3)
            await OperatorRounds.WalkAsync(cluster);
        await cluster.EndAsync(fault);
    }

    [Fault(11)]
    public async Task The_coordinator_s_host_is_killed_in_the_middle_and_the_others_finish_without_reading_again_what_they_have()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        var fault = cluster.Case(11);
        var half = await MidwayAsync(cluster);

        await half.Coordinator.KillAsync();
        fault.Fired();
        half.GoOn();
        var jobs = await fault.HealsAsync(() => Task.WhenAll(half.Others.Select(job => job.Value)));
        // Twenty seconds are granted until the origin is read again; the others' own pace comes on top.
        fault.Worst(half.Gap().TotalSeconds, "s without a byte on a survivor");
        Assert.True(!FaultCase.IsLong || half.Gap() < TimeSpan.FromSeconds(20), $"{half.Gap()}");

        foreach (var job in jobs)
            await TestCluster.CheckAsync(job.Path, TestCluster.LargeDataset);
        AssertNothingHeldWasReadAgain(cluster, half);
        // It returns and needs nothing from the origin.
        await half.Coordinator.StartAsync();
        var before = cluster.Origin.Served.Total;
        await TestCluster.CheckAsync((await half.Coordinator.AcquireAsync(TestCluster.LargeDataset)).Path, TestCluster.LargeDataset);
        Assert.Equal(before, cluster.Origin.Served.Total);
        // What the killed one had under way is all that anybody read twice.
        fault.ReadOnce(cluster.ReadTwiceBy(half.Others.Keys));
        await cluster.EndAsync(fault);
    }

    [Fault(10)]
    public async Task The_coordinator_s_host_stands_still_and_the_others_go_on_until_it_is_back()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        var fault = cluster.Case(10);
        var half = await MidwayAsync(cluster);
        half.Coordinator.Supervise();

        half.Coordinator.Suspend();
        fault.Fired();
        var still = System.Diagnostics.Stopwatch.StartNew();
        half.GoOn();
        var jobs = await fault.HealsAsync(() => Task.WhenAll(half.Others.Select(job => job.Value)));
        fault.Worst(half.Gap().TotalSeconds, "s without a byte on a survivor");
        // The minute of the case; the quick form wakes it as soon as the others are done.
        if (FaultCase.IsLong && still.Elapsed < TimeSpan.FromMinutes(1))
            await Task.Delay(TimeSpan.FromMinutes(1) - still.Elapsed, TestContext.Current.CancellationToken);
        fault.Worst(still.Elapsed.TotalSeconds, "s stood still");
        // Another coordinates by now: what the first one says when it awakes is of an older epoch.
        half.Coordinator.Resume();
        var late = await fault.HealsAsync(() => half.Coordinator.ReturnAsync(TestCluster.LargeDataset));

        foreach (var job in jobs.Append(late))
            await TestCluster.CheckAsync(job.Path, TestCluster.LargeDataset);
        AssertNothingHeldWasReadAgain(cluster, half);
        // Others read in its place what it was about to read; nobody reads more than that twice.
        Assert.InRange(cluster.Origin.Served.Total, TestCluster.Bytes, 2 * TestCluster.Bytes);
        fault.ReadOnce(cluster.ReadTwiceBy(half.Others.Keys));
        await cluster.EndAsync(fault);
    }

    /// <summary>All three nodes download; the origin stands still at the half until it shall go on, and what was read is everybody's.</summary>
    private static async Task<Half> MidwayAsync(TestCluster cluster)
    {
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var reached = cluster.Origin.Served.When(TestCluster.Bytes / 2, goOn.Task);
        var progress = cluster.Nodes.ToDictionary(node => node, _ => new Watched());
        var jobs = cluster.Nodes.ToDictionary(node => node, node => node.AcquireAsync(TestCluster.LargeDataset, progress[node].Report));
        await reached;
        var finished = FinishedReads(cluster);
        await Task.WhenAll(progress.Values.Select(node => node.ReachesAsync(finished.Sum(range => range.To - range.From)))).WaitAsync(TimeSpan.FromSeconds(30));
        var coordinator = await cluster.CoordinatorAsync(TestCluster.LargeDataset);
        jobs.Remove(coordinator, out var lost);
        _ = lost!.ContinueWith(job => job.Exception, TaskScheduler.Default);
        return new Half(coordinator, jobs, finished, cluster.Origin.Served.All.Count, () =>
        {
            foreach (var watched in progress.Values)
                watched.Begin();
            goOn.SetResult();
        }, () => progress.Where(node => jobs.ContainsKey(node.Key)).Max(node => node.Value.Gap));
    }

    // What went out in whole pieces.
    private static (string Key, long From, long To)[] FinishedReads(TestCluster cluster)
        => [.. cluster.Origin.Served.All
            .Where(range => range.Key.EndsWith(".bin", StringComparison.Ordinal))
            .Select(range => (range.Key, range.From, range.From + ((range.To - range.From) / TestCluster.Piece * TestCluster.Piece)))];

    private static void AssertNothingHeldWasReadAgain(TestCluster cluster, Half half)
    {
        Assert.NotEmpty(half.Finished);
        foreach (var (key, from, to, reader) in cluster.Origin.Served.All.Skip(half.Reads))
            Assert.DoesNotContain(half.Finished, range => range.Key == key && range.From < to && from < range.To);
        Assert.Equal(0, cluster.ReadTwiceBy(half.Others.Keys));
    }

    private sealed record Half(TestNode Coordinator, IReadOnlyDictionary<TestNode, Task<JobResult>> Others, (string Key, long From, long To)[] Finished, int Reads, Action GoOn, Func<TimeSpan> Gap);

    private sealed class Watched
    {
        private readonly Lock gate = new();
        private readonly List<(long Bytes, TaskCompletionSource Reached)> waiting = [];
        private readonly System.Diagnostics.Stopwatch sinceLast = new();
        private long last;

        /// <summary>The longest time without a byte more, from <see cref="Begin"/> on.</summary>
        public TimeSpan Gap { get; private set; }

        public void Begin()
        {
            lock (gate)
                sinceLast.Restart();
        }

        public void Report(long bytes)
        {
            lock (gate)
            {
                if (sinceLast.IsRunning && bytes > last)
                {
                    Gap = sinceLast.Elapsed > Gap ? sinceLast.Elapsed : Gap;
                    sinceLast.Restart();
                }
                last = Math.Max(last, bytes);
                foreach (var (_, reached) in waiting.Where(wait => wait.Bytes <= last))
                    reached.TrySetResult();
            }
        }

        public Task ReachesAsync(long bytes)
        {
            var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (gate)
            {
                waiting.Add((bytes, reached));
                if (last >= bytes)
                    reached.TrySetResult();
            }
            return reached.Task;
        }
    }
}

/// <summary>Suites of processes run one after the other: together they would starve each other.</summary>
[CollectionDefinition(Name)]
public sealed class Machine
{
    public const string Name = "Whole machine";
}
