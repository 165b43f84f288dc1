using System.Collections.Concurrent;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Cache.Tests.Transfers.Peers;

/// <summary>Several nodes in one process, each with a cache of its own, real coordinators, and peers that read each other's files without a network.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    private readonly TempFolder folder = new();
    private readonly Dictionary<string, DatasetCoordinator> coordinators = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private readonly long started = TimeProvider.System.GetTimestamp();
    private long epochs;

    public TestCluster(int nodes, Func<CacheOptions, CacheOptions>? change = null)
    {
        for (var i = 0; i < nodes; i++)
            Nodes.Add(new Node(this, $"node{i}", folder[$"cache{i}"], change));
    }

    public MemoryOrigin Origin { get; } = new();

    public List<Node> Nodes { get; } = [];

    /// <summary>Nobody coordinates, until this is false again.</summary>
    public bool CoordinatorIsAway { get; set; }

    /// <summary>May change the bytes of a piece on their way: sender, plan, piece, bytes.</summary>
    public Action<string, string, int, byte[]>? Bend { get; set; }

    /// <summary>Nodes that nobody gets a manifest from.</summary>
    public HashSet<string> Mute { get; } = new(StringComparer.Ordinal);

    /// <summary>Called before pieces are read from a node.</summary>
    public Func<string, PieceRequest, ValueTask>? BeforePieces { get; set; }

    /// <summary>Piece requests that were answered: who asked, whom.</summary>
    public ConcurrentQueue<(string From, string To, PieceRequest Request)> Reads { get; } = new();

    public TempFolder Folder => folder;

    /// <summary>The coordinators are gone; the next call makes new ones, who know nothing.</summary>
    public void ForgetCoordinators()
    {
        lock (gate)
            coordinators.Clear();
    }

    public DatasetState State(string key)
    {
        lock (gate)
            return Coordinator(key).State(Now);
    }

    public IReadOnlyCollection<string> Keys
    {
        get
        {
            lock (gate)
                return [.. coordinators.Keys];
        }
    }

    private TimeSpan Now => TimeProvider.System.GetElapsedTime(started);

    private DatasetCoordinator Coordinator(string key)
    {
        if (!coordinators.TryGetValue(key, out var coordinator))
        {
            coordinators[key] = coordinator = new DatasetCoordinator(key, new Epoch(1, ++epochs, Guid.NewGuid()), new CoordinatorOptions(), seed: 1);
            coordinator.NodesAre([.. Nodes.Where(node => !node.IsDown).Select(node => node.Id)], Now);
        }
        foreach (var asked in coordinator.Tick(Now))
        {
            var node = Nodes.Single(node => node.Id == asked);
            coordinator.Learn(asked, node.IsDown ? null : node.Cache.Holdings.Describe(key), Now);
        }
        return coordinator;
    }

    private async Task<T> CallAsync<T>(string key, Func<DatasetCoordinator, T> call)
    {
        await Task.Yield();
        if (CoordinatorIsAway)
            throw new CoordinatorUnavailableException("It is away.");
        lock (gate)
            return call(Coordinator(key));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
            await node.Cache.DisposeAsync();
        folder.Dispose();
    }

    internal sealed class Node : ICluster, IPeerReader
    {
        private readonly TestCluster cluster;
        private readonly string root;
        private readonly Func<CacheOptions, CacheOptions>? change;

        public Node(TestCluster cluster, string id, string root, Func<CacheOptions, CacheOptions>? change)
        {
            this.cluster = cluster;
            this.root = root;
            this.change = change;
            Id = id;
            Cache = Open();
        }

        public string Id { get; }

        public bool IsDown { get; set; }

        public LocalDatasetCache Cache { get; private set; }

        public Peer Self => new(Id, Id + ":0");

        public IPeerReader Peers => this;

        private LocalDatasetCache Open()
        {
            var options = new CacheOptions { Root = root, MinFree = DiskFloor.OfBytes(0), Attempts = 3 };
            return LocalDatasetCache.Open(change?.Invoke(options) ?? options, cluster.Origin, time: null, this);
        }

        public async Task RestartAsync()
        {
            await Cache.DisposeAsync();
            Cache = Open();
        }

        public IDatasetCoordinator Coordinator(string key) => new Proxy(cluster, key);

        public async Task<DatasetLease> GetAsync(DatasetRef dataset, CancellationToken cancellationToken = default)
            => await Cache.AcquireAsync(new AcquireRequest { Dataset = dataset }, progress: null, cancellationToken);

        private Node Reach(Peer peer)
        {
            var node = cluster.Nodes.Single(node => node.Id == peer.Node);
            return IsDown || node.IsDown ? throw new PeerException(PieceFailure.Unreachable, $"{peer.Node} is down.") : node;
        }

        public async Task<byte[]> ReadManifestAsync(Peer peer, string digest, CancellationToken cancellationToken)
        {
            await Task.Yield();
            if (cluster.Mute.Contains(peer.Node))
                throw new PeerException(PieceFailure.Unreachable, $"{peer.Node} refuses.");
            return Reach(peer).Cache.PeerContent.FindManifest(digest) ?? throw new PeerException(PieceFailure.NotHeld, "It is not here.");
        }

        public async Task<PieceSet> ReadHeldAsync(Peer peer, string plan, int pieces, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return Reach(peer).Cache.PeerContent.FindHeld(plan) ?? throw new PeerException(PieceFailure.NotHeld, "It is not here.");
        }

        public async Task ReadPiecesAsync(Peer peer, PieceRequest request, IPieceSink sink, CancellationToken cancellationToken)
        {
            await Task.Yield();
            if (cluster.BeforePieces is { } before)
                await before(peer.Node, request);
            var content = Reach(peer).Cache.PeerContent;
            cluster.Reads.Enqueue((Id, peer.Node, request));
            for (var piece = request.First; piece < request.First + request.Count; piece++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                using var open = content.TryOpen(request.Plan, piece, request.Parts) ?? throw new PeerException(PieceFailure.NotHeld, $"Piece {piece} is not here.");
                if (piece == request.First)
                    sink.Promise([.. open.Ranges.Select(range => range.Checksum)]);
                var bytes = new byte[open.Length];
                var offset = 0;
                foreach (var range in open.Ranges)
                    offset += range.File.Read(bytes.AsSpan(offset, range.Length), range.Offset);
                cluster.Bend?.Invoke(peer.Node, request.Plan, piece, bytes);
                for (var sent = 0; sent < bytes.Length;)
                {
                    Reach(peer);
                    var room = sink.Next();
                    var count = Math.Min(Math.Min(room.Length, bytes.Length - sent), 100_000);
                    bytes.AsMemory(sent, count).CopyTo(room);
                    sink.Accept(count);
                    sent += count;
                }
            }
        }
    }

    private sealed class Proxy(TestCluster cluster, string key) : IDatasetCoordinator
    {
        public Task<ManifestReply> ManifestAsync(ManifestRequest request, CancellationToken cancellationToken) => cluster.CallAsync(key, coordinator => coordinator.Manifest(request, cluster.Now));

        public Task<MemberReply> ReportAsync(MemberReport report, CancellationToken cancellationToken) => cluster.CallAsync(key, coordinator => coordinator.Report(report, cluster.Now));

        public Task<ReplicaReply> ReplicaAsync(ReplicaReport report, CancellationToken cancellationToken) => cluster.CallAsync(key, coordinator => coordinator.Replica(report, cluster.Now));

        public Task<EvictionReply> EvictAsync(EvictionRequest request, CancellationToken cancellationToken) => cluster.CallAsync(key, coordinator => coordinator.Evict(request, cluster.Now));
    }
}
