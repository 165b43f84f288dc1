using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Pages.Tests;

/// <summary>A cluster that exists only as what its nodes would say of it, and does what it is asked to. Not safe for calls at once but under <see cref="Gate"/>.</summary>
internal sealed class FakeCluster(TimeProvider time)
{
    private readonly SortedDictionary<string, FakeDataset> datasets = new(StringComparer.Ordinal);

    public Lock Gate { get; } = new();

    public List<FakeNode> Nodes { get; } = [];

    public string Self => Nodes[0].Name;

    /// <summary>What was asked for that changes something: <c>PUT n2 snap_1 pin</c>.</summary>
    public List<string> Acts { get; } = [];

    public IReadOnlyCollection<FakeDataset> Datasets => datasets.Values;

    public DateTimeOffset Now => time.GetUtcNow();

    /// <summary>Three nodes and a handful of datasets: one everywhere, one on its way, one pinned, one leased, one broken.</summary>
    public static FakeCluster Small(TimeProvider time)
    {
        var cluster = new FakeCluster(time);
        foreach (var name in (string[])["n1", "n2", "n3"])
            cluster.AddNode(name);
        cluster.Add("ds_cars", "snap_2b2fca921e88", 0, 41_200_000_000, 118_287).On("n1", "n2", "n3");
        cluster.Add("ds_birds", "snap_77c0d1aa0912", 1, 6_300_000_000, 20_580).On("n2");
        cluster.Add("ds_kitti_raw", "snap_0e14b8c2f3d7", 2, 183_000_000_000, 96_012).On("n1", "n3");
        cluster.Add("ds_lidar_sweeps", "snap_f04d7a6a11be", 3, 921_000_000_000, 34_149).On("n1");
        cluster.Add("ds_forest", "snap_5a6efc10b2d4", 4, 2_140_000_000, 5_011).On("n3");
        cluster.Add("ds_factory_defects", "snap_c1175f88ae30", 5, 17_900_000_000, 44_220).On("n1", "n2");
        cluster["ds_kitti_raw"].Holders["n1"].Leases = 2;
        cluster["ds_kitti_raw"].Holders["n1"].Protections.Add("a running process");
        cluster["ds_cars"].Holders["n2"].IsPinned = true;
        cluster["ds_forest"].Holders["n3"].State = "broken";
        return cluster;
    }

    /// <summary>What an operator's page must bear.</summary>
    /// <param name="density">The part of the nodes that hold a dataset, of 100.</param>
    public static FakeCluster Large(TimeProvider time, int datasets, int nodes, int density)
    {
        var cluster = new FakeCluster(time);
        var random = new Random(7);
        for (var i = 1; i <= nodes; i++)
            cluster.AddNode(string.Create(CultureInfo.InvariantCulture, $"train-{i:d2}"));
        for (var i = 0; i < datasets; i++)
        {
            var dataset = cluster.Add(string.Create(CultureInfo.InvariantCulture, $"ds_{i:d4}"), "snap_" + Hex($"s{i}", 12), i, random.NextInt64(100_000_000, 400_000_000_000), random.Next(50, 200_000));
            foreach (var node in cluster.Nodes.Where(_ => random.Next(100) < density))
            {
                dataset.On(node.Name);
                var holder = dataset.Holders[node.Name];
                holder.Leases = random.Next(12) == 0 ? random.Next(1, 9) : 0;
                holder.IsPinned = random.Next(40) == 0;
                holder.State = random.Next(300) == 0 ? "broken" : "ready";
            }
        }
        return cluster;
    }

    public FakeDataset this[string datasetId] => datasets.Values.Single(dataset => dataset.DatasetId == datasetId);

    public FakeDataset? Find(string key) => datasets.GetValueOrDefault(key);

    public void AddNode(string name) => Nodes.Add(new FakeNode(name, Nodes.Count));

    public FakeDataset Add(string datasetId, string snapshotId, int number, long bytes, int files)
        => Add(new FakeDataset(this, $"{snapshotId}_{Hex(datasetId, 8)}", datasetId, snapshotId, bytes, files) { Number = number });

    public FakeDataset Add(FakeDataset dataset)
    {
        datasets.Add(dataset.Key, dataset);
        return dataset;
    }

    public void Remove(string datasetId) => datasets.Remove(this[datasetId].Key);

    public static string Hex(string of, int digits) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(of)))[..digits];

    /// <summary>A download begins; <see cref="Move"/> moves it.</summary>
    public void Begin(string datasetId, string node)
    {
        var dataset = this[datasetId];
        dataset.Holders[node] = new FakeHolder { State = "downloading", LastUsedAt = Now, ExpiresAt = Now };
    }

    /// <summary>Every download comes so far, in thousandths; at 1000 it is done.</summary>
    public void Move(int thousandths)
    {
        foreach (var dataset in datasets.Values)
        {
            foreach (var (node, holder) in dataset.Holders.Where(one => one.Value.State == "downloading"))
            {
                holder.BytesDone = dataset.Bytes / 1000 * thousandths;
                if (thousandths < 1000)
                    continue;
                holder.BytesDone = dataset.Bytes;
                holder.State = "ready";
                holder.ExpiresAt = Now.AddHours(24);
                dataset.Note(Now, "downloaded", node, "12 s, 3.1 GB from the origin, the rest from n1");
            }
        }
    }

    public void Evict(FakeDataset dataset, string node)
    {
        dataset.Holders.Remove(node);
        dataset.Note(Now, "evicted", node, "asked for by an operator");
    }
}

internal sealed class FakeNode(string name, int number)
{
    public string Name => name;

    public int Number => number;

    public bool IsAlive { get; set; } = true;

    public long OriginRate { get; set; }

    public long PeerRate { get; set; }
}

internal sealed class FakeHolder
{
    public string State { get; set; } = "ready";

    public bool IsMoving => string.Equals(State, "downloading", StringComparison.Ordinal);

    public long BytesDone { get; set; }

    public int Leases { get; set; }

    public bool IsPinned { get; set; }

    public string Priority { get; set; } = "normal";

    public DateTimeOffset ExpiresAt { get; set; }

    public DateTimeOffset LastUsedAt { get; set; }

    public List<string> Protections { get; } = [];

    public IEnumerable<string> AllProtections => IsPinned ? [.. Protections, "a pin"] : Protections;
}

internal sealed class FakeDataset(FakeCluster cluster, string key, string datasetId, string snapshotId, long bytes, int files)
{
    public string Key => key;

    public string DatasetId => datasetId;

    public string SnapshotId => snapshotId;

    public long Bytes => bytes;

    public int Files => files;

    public int Number { get; init; }

    public string Origin { get; init; } = "s3://datasets";

    public string Prefix => $"datasets/{datasetId}/{snapshotId}";

    public Dictionary<string, FakeHolder> Holders { get; } = new(StringComparer.Ordinal);

    public List<(DateTimeOffset At, string Event, string Node, string? Detail)> History { get; } = [];

    /// <summary>Paths of its manifest.</summary>
    public List<string> Paths { get; } = [];

    public FakeDataset On(params ReadOnlySpan<string> nodes)
    {
        foreach (var node in nodes)
        {
            var at = cluster.Now.AddHours(-3 - Number % 40).AddMinutes(-node[^1] % 10);
            Holders[node] = new FakeHolder { BytesDone = bytes, LastUsedAt = at, ExpiresAt = at.AddHours(24 + Number % 30) };
            Note(at.AddMinutes(-20), "downloaded", node, "212 s, all from the origin");
            Note(at, "verified", node, "fast, nothing wrong");
        }
        return this;
    }

    public void Note(DateTimeOffset at, string name, string node, string? detail) => History.Insert(0, (at, name, node, detail));
}
