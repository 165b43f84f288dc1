using System.Diagnostics;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>Every node copies from the origin, as is usual.</summary>
internal sealed class Rclone(Ground ground) : IRival
{
    public string Name => "rclone copy";

    public async Task<double[]> CopyAsync(MadeDataset dataset, int nodes)
    {
        var commands = new List<ProcessStartInfo>();
        var folders = Enumerable.Range(1, nodes).Select(node => Path.Combine(ground.Folder, $"node{node}", "rclone")).ToArray();
        for (var node = 1; node <= nodes; node++)
        {
            // A node's environment holds nothing of AWS's: rclone 1.60 fails where AWS_CA_BUNDLE is set.
            commands.Add(await ground.OnAsync(node, "env", "RCLONE_CONFIG=/dev/null", "RCLONE_CONFIG_BENCH_TYPE=s3", "RCLONE_CONFIG_BENCH_PROVIDER=Ceph", "RCLONE_CONFIG_BENCH_LIST_VERSION=2",
                $"RCLONE_CONFIG_BENCH_ENDPOINT={Ground.OriginEndpoint}", "RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=any", "RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=any",
                "rclone", "copy", "--transfers", "8", "--multi-thread-streams", "4", "--fast-list", $"bench:{Ground.Bucket}/datasets/{dataset.Id}", folders[node - 1]));
        }
        var times = await Task.WhenAll(commands.Select(Commands.TimeAsync));
        foreach (var folder in folders)
        {
            if (Directory.EnumerateFiles(folder).Sum(file => new FileInfo(file).Length) != dataset.Bytes)
                throw new InvalidOperationException($"rclone did not copy all of {dataset.Id} to {folder}.");
            Directory.Delete(folder, recursive: true);
        }
        return times;
    }
}
