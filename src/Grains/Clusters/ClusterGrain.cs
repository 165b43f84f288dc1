using System.Collections.Immutable;
using Orleans.Concurrency;

namespace DatasetCache.Grains;

/// <summary>Asks the nodes, all at once. Lives on whichever silo is asked.</summary>
[StatelessWorker(1), Reentrant]
internal sealed class ClusterGrain(IClusterMembershipService membership, ILocalSiloDetails silo, TimeProvider time) : Grain, IClusterGrain
{
    // A node that does not answer by then is shown as one that does not.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private const int MostNodes = 200;
    private const int MostDatasets = 1000;
    private const int MostAsked = 100;
    private const int NamedNodes = 100;

    // Pages ask every ten seconds, each for itself.
    private readonly RecentAnswers<(DateOnly From, DateOnly To), ClusterUsage> usage = new(time, TimeSpan.FromSeconds(5));

    public Task<NodeState> LocalNodeAsync() => Node(silo.Name).StatusAsync();

    public async Task<ImmutableArray<ClusterNode>> NodesAsync(string? after, int count, CancellationToken cancellationToken)
    {
        var live = membership.CurrentSnapshot.LiveNodes();
        var members = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status is not SiloStatus.Dead and not SiloStatus.None && (after is null || string.CompareOrdinal(member.Name, after) > 0))
            .OrderBy(member => member.Name, StringComparer.Ordinal)
            .Take(Math.Clamp(count, 1, MostNodes))
            .ToArray();
        var asked = members.Select(member => live.ContainsKey(member.Name) && live[member.Name].Equals(member.SiloAddress)
            ? AskAsync(member.Name, node => node.StatusAsync(), cancellationToken)
            : Task.FromResult<NodeState?>(null));
        var states = await Task.WhenAll(asked);
        return [.. members.Select((member, i) => new ClusterNode(member.Name, member.SiloAddress.ToString(), member.Status.ToString(), states[i]))];
    }

    public async Task<ImmutableArray<ClusterDataset>> DatasetsAsync(string? after, int count, CancellationToken cancellationToken)
    {
        count = Math.Clamp(count, 1, MostDatasets);
        var nodes = Nodes();
        var lists = await Task.WhenAll(nodes.Select(name => AskAsync<Held>(name, async node => new Held(await node.EntriesAsync(after, count)), cancellationToken)));
        return
        [
            .. lists.SelectMany((list, i) => (list?.Entries ?? []).Select(entry => (Node: nodes[i], Entry: entry)))
                .GroupBy(held => (held.Entry.CacheKey, held.Entry.Digest))
                .OrderBy(group => group.Key.CacheKey, StringComparer.Ordinal)
                .ThenBy(group => group.Key.Digest, StringComparer.Ordinal)
                .Take(count)
                .Select(group => new ClusterDataset(group.Key.CacheKey, group.Key.Digest, group.First().Entry.Origin, group.First().Entry.Prefix, group.First().Entry.Bytes,
                    group.Count(held => held.Entry.Broken is null), [.. group.Where(held => held.Entry.Broken is null).Select(held => held.Node).Take(NamedNodes)])),
        ];
    }

    public async Task<ImmutableArray<ClusterDataset>> MatrixAsync(CellsRequest request, CancellationToken cancellationToken)
    {
        request = request with { Count = Math.Clamp(request.Count, 1, MostDatasets) };
        var cells = await Task.WhenAll(Nodes().Select(name => AskAsync<Cells>(name, async node => new Cells(await node.CellsAsync(request)), cancellationToken)));
        return Matrix.Of(cells.SelectMany(node => node?.All ?? []), request.Count);
    }

    public async Task<ImmutableArray<EventMessage>> HistoryAsync(string cacheKey, int count, CancellationToken cancellationToken)
    {
        count = Math.Clamp(count, 1, MostDatasets);
        var lists = await Task.WhenAll(Nodes().Select(name => AskAsync<Events>(name, async node => new Events(await node.HistoryAsync(cacheKey, count)), cancellationToken)));
        return [.. lists.SelectMany(list => list?.All ?? []).OrderByDescending(happened => happened.At).Take(count)];
    }

    public Task<ClusterUsage> UsageAsync(DateOnly from, DateOnly to, CancellationToken cancellationToken)
        => usage.Get((from, to), () => AddUpAsync(from, to)).WaitAsync(cancellationToken);

    private async Task<ClusterUsage> AddUpAsync(DateOnly from, DateOnly to)
    {
        // Whoever is in the membership belongs to the whole, also while he cannot be asked.
        var members = membership.CurrentSnapshot.Members.Values
            .Where(member => member.Status is not SiloStatus.Dead and not SiloStatus.None)
            .Select(member => member.Name)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal)
            .ToArray();
        var live = membership.CurrentSnapshot.LiveNodes();
        var answers = await Task.WhenAll(members.Select(name => live.ContainsKey(name) ? AskAsync(name, node => node.UsageAsync(from, to), CancellationToken.None) : Task.FromResult<UsageMessage?>(null)));
        return new ClusterUsage(
            UsageSum.Of([.. answers.OfType<UsageMessage>()]), [.. members.Where((_, i) => answers[i] is not null)], [.. members.Where((_, i) => answers[i] is null)]);
    }

    public async Task<ImmutableArray<HostRecommendation>> RecommendHostsAsync(ImmutableArray<DatasetMessage> datasets, CancellationToken cancellationToken)
    {
        if (datasets.Length > MostAsked)
            throw new ArgumentException($"{datasets.Length} datasets were named; at most {MostAsked} can be.", nameof(datasets));
        var nodes = Nodes();
        var held = await Task.WhenAll(nodes.Select(name => AskAsync<Bytes>(name, async node => new Bytes(await node.HeldBytesAsync(datasets)), cancellationToken)));
        return
        [
            .. nodes.Select((name, i) => (Name: name, held[i]?.PerDataset))
                .Where(node => node.PerDataset is not null)
                .Select(node => new HostRecommendation(node.Name, node.PerDataset!.Value.Sum(), node.PerDataset.Value))
                .OrderByDescending(node => node.Bytes)
                .ThenBy(node => node.Host, StringComparer.Ordinal),
        ];
    }

    private string[] Nodes() => [.. membership.CurrentSnapshot.LiveNodes().Keys.Order(StringComparer.Ordinal)];

    private INodeGrain Node(string name) => GrainFactory.GetGrain<INodeGrain>(name);

    private async Task<T?> AskAsync<T>(string name, Func<INodeGrain, Task<T>> ask, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            return await ask(Node(name)).WaitAsync(Patience, time, cancellationToken);
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private sealed record Held(ImmutableArray<EntryMessage> Entries);

    private sealed record Cells(ImmutableArray<CellMessage> All);

    private sealed record Events(ImmutableArray<EventMessage> All);

    private sealed record Bytes(ImmutableArray<long> PerDataset);
}
