using System.Buffers.Binary;
using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Http.Peers;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Bench.Cluster.Runs;

/// <summary>What nodes hold of a dataset while they download it.</summary>
internal sealed class Holdings : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromMilliseconds(50);
    private readonly Ground ground;
    private readonly MadeDataset dataset;
    private readonly PeerSecret secret;
    private readonly Dictionary<int, (HttpClient Http, string Endpoint)> nodes = [];

    private Holdings(Ground ground, MadeDataset dataset)
    {
        (this.ground, this.dataset) = (ground, dataset);
        secret = PeerSecret.Of(File.ReadAllText(Path.Combine(ground.Folder, "secret")));
    }

    public static async Task<Holdings> OfAsync(Ground ground, MadeDataset dataset, int[] nodes)
    {
        var holdings = new Holdings(ground, dataset);
        foreach (var node in nodes)
        {
            using var api = new NodeApi(ground, node);
            var endpoint = await api.EndpointAsync();
            // From its own host: the question takes nothing of the link.
            holdings.nodes[node] = (Namespace.Http(ground.NamespaceOf(node), new Uri($"http://{endpoint}")), endpoint);
        }
        return holdings;
    }

    /// <summary>By the journal of its staging: what is noted there is in its file and known to be right. Nothing where it has not begun, or is done with all.</summary>
    public IEnumerable<(int File, int Piece)> Noted(int node)
    {
        try
        {
            return [.. Staging(node).SelectMany(folder => Directory.EnumerateFiles(folder, "journal-*"))
                .SelectMany(journal => Journal.Read(File.ReadAllBytes(journal)))
                .Select(record => (record.File, record.Piece))];
        }
        catch (IOException)
        {
            // Published under our eyes.
            return [];
        }
    }

    /// <summary>Looks again and again, until it is over, for the longest time in which a node got nothing that another held. What nodes hold they say to any other that asks, also what they cannot be sure of yet.</summary>
    public async Task<(double Seconds, int Node)> WatchAsync(CancellationToken cancellationToken)
    {
        var plan = nodes.Keys.SelectMany(Staging).SelectMany(folder => Directory.EnumerateFiles(folder, "listing-*"))
            .Select(listing => ManifestText.Read(File.ReadAllBytes(listing)) is { } lines ? new PiecePlan(new Manifest(lines.Select(line => line.File))) : null).OfType<PiecePlan>().First();
        var before = await AllAsync(plan);
        var since = nodes.Keys.ToDictionary(node => node, _ => Stopwatch.GetTimestamp());
        var longest = (Seconds: 0.0, Node: 0);
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Every, CancellationToken.None);
            var held = await AllAsync(plan);
            var now = Stopwatch.GetTimestamp();
            foreach (var node in nodes.Keys)
            {
                var others = nodes.Keys.Where(other => other != node).ToArray();
                var isFed = Enumerable.Range(0, plan.Count).Any(piece => held[node].Contains(piece) && !before[node].Contains(piece) && others.Any(other => before[other].Contains(piece)));
                var isServed = !Enumerable.Range(0, plan.Count).Any(piece => !held[node].Contains(piece) && others.Any(other => held[other].Contains(piece)));
                if (isFed || isServed)
                    since[node] = now;
                var seconds = Stopwatch.GetElapsedTime(since[node], now).TotalSeconds;
                if (seconds > longest.Seconds)
                    longest = (seconds, node);
            }
            before = held;
        }
        return longest;
    }

    public void Dispose()
    {
        foreach (var (http, _) in nodes.Values)
            http.Dispose();
    }

    private IEnumerable<string> Staging(int node) => Directory.EnumerateDirectories(Path.Combine(ground.RootOf(node), "staging"), "*" + dataset.Id + "*");

    private async Task<Dictionary<int, PieceSet>> AllAsync(PiecePlan plan)
        => (await Task.WhenAll(nodes.Keys.Select(async node => (Node: node, Held: await HeldAsync(node, plan))))).ToDictionary(one => one.Node, one => one.Held);

    private async Task<PieceSet> HeldAsync(int node, PiecePlan plan)
    {
        var (http, endpoint) = nodes[node];
        var target = new PeerRoute(PeerRouteKind.Held, plan.Digest).ToString();
        using var request = new HttpRequestMessage(HttpMethod.Get, target);
        request.Headers.TryAddWithoutValidation("Authorization", PeerCredential.Sign(secret, "bench", endpoint, target, TimeProvider.System.GetUtcNow() + PeerCredential.Life));
        using var answer = await http.SendAsync(request);
        var bytes = answer.IsSuccessStatusCode ? await answer.Content.ReadAsByteArrayAsync() : [];
        return new PieceSet(plan.Count, [.. Enumerable.Range(0, bytes.Length / sizeof(ulong)).Select(word => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(word * sizeof(ulong))))]);
    }
}
