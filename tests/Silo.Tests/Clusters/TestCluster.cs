using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>Nodes as processes that share a PostgreSQL, and an S3-like origin that counts what each of them reads.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    /// <summary>Of which pieces of large files are.</summary>
    public const int Piece = 1 << 20;

    private static readonly (string Name, long Size)[] Files =
        [("large.bin", 12 * Piece), .. Enumerable.Range(0, 40).Select(i => (string.Create(CultureInfo.InvariantCulture, $"images/{i:d3}.png"), 50_000L + i))];

    private readonly TempFolder folder = new();
    private readonly RangeServer server;

    private TestCluster(RangeServer server, FaultProxy origin, TestNetwork? network, string database)
    {
        (this.server, Origin, Network, Database) = (server, origin, network, database);
        Id = "test-" + Guid.NewGuid().ToString("n")[..8];
    }

    public string Id { get; }

    public string Database { get; }

    public FaultProxy Origin { get; }

    public TestNetwork? Network { get; }

    public IReadOnlyList<TestNode> Nodes { get; private set; } = [];

    /// <summary>Bytes of each dataset d1, d2 and so on.</summary>
    public static long Bytes { get; } = Files.Sum(file => file.Size);

    /// <summary>One file of <see cref="Bytes"/>: what a node has of it are pieces of it.</summary>
    public const string LargeDataset = "large";

    public const string SmallDataset = "small";

    public const long SmallBytes = 6 * 20_000;

    /// <param name="nodes">How many; none of them is started.</param>
    /// <param name="ownNetwork">Each in a network namespace.</param>
    public static async Task<TestCluster> CreateAsync(int nodes, bool ownNetwork = false)
    {
        var network = ownNetwork ? await TestNetwork.CreateAsync(nodes) : null;
        var server = await RangeServer.StartAsync([
            ($"datasets/{LargeDataset}/large.bin", Bytes),
            .. Enumerable.Range(1, 4).SelectMany(d => Files.Select(file => (string.Create(CultureInfo.InvariantCulture, $"datasets/d{d}/{file.Name}"), file.Size))),
            .. Enumerable.Range(0, 6).Select(i => (string.Create(CultureInfo.InvariantCulture, $"datasets/{SmallDataset}/{i}.png"), SmallBytes / 6))]);
        var cluster = new TestCluster(server, await FaultProxy.StartAsync(server.Endpoint, network?.Host), network, await PostgresServer.ConnectionStringAsync(network?.Host));
        cluster.Nodes = [.. Enumerable.Range(1, nodes).Select(number => new TestNode(cluster, number, cluster.folder[$"n{number}"]))];
        return cluster;
    }

    /// <summary>All of them run, and each of them sees the others.</summary>
    public static async Task<TestCluster> StartAsync(int nodes, bool ownNetwork = false)
    {
        var cluster = await CreateAsync(nodes, ownNetwork);
        try
        {
            await Task.WhenAll(cluster.Nodes.Select(node => node.StartAsync()));
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The node on which a dataset's coordinator began last.</summary>
    public async Task<TestNode> CoordinatorAsync(string dataset)
    {
        var begun = await Task.WhenAny(Nodes.Where(node => node.IsRunning).Select(async node =>
        {
            await node.Silo.HeardAsync($"Coordinates s-{dataset}_");
            return node;
        }));
        return await begun;
    }

    /// <summary>What stands in a job's path is what the origin has, byte for byte.</summary>
    public static async Task CheckAsync(string path, string dataset = "d1")
    {
        (string Name, long Size)[] files = dataset switch
        {
            SmallDataset => [.. Enumerable.Range(0, 6).Select(i => ($"{i}.png", SmallBytes / 6))],
            LargeDataset => [("large.bin", Bytes)],
            _ => Files,
        };
        foreach (var (name, size) in files)
        {
            var expected = new byte[size];
            RangeServer.Fill($"datasets/{dataset}/{name}", 0, expected);
            var actual = await File.ReadAllBytesAsync(Path.Combine(path, name));
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"{path}/{name}");
        }
    }

    /// <summary>The bytes that any of these read of what any of these had read before.</summary>
    public long ReadTwiceBy(params IEnumerable<TestNode> nodes)
    {
        var names = nodes.Select(node => node.Name).ToHashSet(StringComparer.Ordinal);
        var twice = 0L;
        foreach (var ranges in Origin.Served.All.Where(range => names.Contains(range.Reader)).GroupBy(range => range.Key))
        {
            var end = 0L;
            foreach (var range in ranges.OrderBy(range => range.From))
            {
                twice += Math.Max(0, Math.Min(end, range.To) - range.From);
                end = Math.Max(end, range.To);
            }
        }
        return twice;
    }

    /// <summary>Waits until the nodes' table calls one of the silos that had this node's name dead.</summary>
    public Task VotedOutAsync(TestNode node) => UntilAsync("SELECT count(*) > 0 FROM dscache.silos WHERE cluster = $1 AND name = $2 AND status = 6", node.Name);

    /// <summary>Waits until each node has one silo in the table that is active.</summary>
    public Task AllSeeEachOtherAsync() => UntilAsync("SELECT count(*) = $2 AND count(DISTINCT name) = $2 FROM dscache.silos WHERE cluster = $1 AND status = 3", (long)Nodes.Count);

    private async Task UntilAsync(string sql, object value)
    {
        await using var connection = new Npgsql.NpgsqlConnection(Database);
        await connection.OpenAsync();
        for (var tries = 0; ; tries++)
        {
            await using var command = new Npgsql.NpgsqlCommand(sql, connection);
            command.Parameters.AddWithValue(Id);
            command.Parameters.AddWithValue(value);
            if (await command.ExecuteScalarAsync() is true)
                return;
            Assert.True(tries < 600, sql + Said);
            await Task.Delay(100);
        }
    }

    /// <summary>A case of the fault table that plays in this cluster: nothing beside the nodes' folders may change until its end.</summary>
    public FaultCase Case(int number, [System.Runtime.CompilerServices.CallerMemberName] string test = "")
    {
        var fault = new FaultCase(number, test);
        fault.Guard(folder.Path, Nodes.Select(node => Path.GetDirectoryName(node.CacheRoot)!));
        return fault;
    }

    /// <summary>What every case ends in: the nodes end, whatever they call ready is what its manifest says, and after a sweep no staging file is left.</summary>
    public async Task EndAsync(FaultCase fault)
    {
        await Task.WhenAll(Nodes.Select(node => node.DisposeAsync().AsTask()));
        foreach (var root in Nodes.Where(node => node.WasStarted).Select(node => node.CacheRoot))
        {
            await using var cache = LocalDatasetCache.Open(new CacheOptions { Root = root, MinFree = DiskFloor.OfBytes(0), Offline = true }, new MemoryOrigin());
            foreach (var entry in cache.List())
                fault.Whole((await cache.VerifyAsync(entry.CacheKey, new Integrity.VerifyOptions { Level = Integrity.VerifyLevel.Pieces, Heal = false }))!.Outcome == Integrity.VerifyOutcome.Sound, $"{root}: {entry.CacheKey}");
            cache.Sweep(TimeSpan.Zero);
            fault.NoOrphans(root);
        }
        fault.End();
    }

    public string Said => string.Join('\n', Nodes.Where(node => node.WasStarted).Select(node => $"---- {node.Name}\n{node.Silo.Said}"));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Nodes.Select(node => node.DisposeAsync().AsTask()));
        await Origin.DisposeAsync();
        await server.DisposeAsync();
        if (Network is not null)
            await Network.DisposeAsync();
        folder.Dispose();
    }
}
