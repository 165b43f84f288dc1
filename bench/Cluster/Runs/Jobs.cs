using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>A job on each of some nodes, connected beforehand.</summary>
internal sealed class Jobs : IDisposable
{
    private readonly NodeApi[] apis;

    private Jobs(NodeApi[] apis) => this.apis = apis;

    public static async Task<Jobs> OnAsync(Ground ground, params IEnumerable<int> nodes)
    {
        var jobs = new Jobs([.. nodes.Select(node => new NodeApi(ground, node))]);
        await Task.WhenAll(jobs.apis.Select(api => api.GreetAsync()));
        return jobs;
    }

    /// <summary>All at once.</summary>
    /// <param name="watch">Node, bytes from the origin, bytes from elsewhere, timestamp.</param>
    public Task<JobOutcome[]> AskAsync(MadeDataset dataset, Action<int, long, long, long>? watch = null)
        => Task.WhenAll(apis.Select(api => Task.Run(() => api.AcquireAsync(dataset, watch is null ? null : (origin, peers, at) => watch(api.Node, origin, peers, at)))));

    /// <summary>All at once, and none may fail; their leases end.</summary>
    public async Task<JobOutcome[]> GetAsync(MadeDataset dataset)
    {
        var acquired = await AskAsync(dataset);
        if (acquired.FirstOrDefault(one => one.Error is not null) is { } failed)
            throw new InvalidOperationException($"node {failed.Node}: {failed.Error}");
        await ReleaseAsync(acquired);
        return acquired;
    }

    public Task ReleaseAsync(IReadOnlyList<JobOutcome> acquired) => Task.WhenAll(acquired.Where(one => one.Error is null).Select(one => apis.First(api => api.Node == one.Node).ReleaseAsync(one)));

    public void Dispose()
    {
        foreach (var api in apis)
            api.Dispose();
    }
}
