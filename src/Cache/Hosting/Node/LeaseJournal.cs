using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Hosting.Node;

/// <summary>
/// <c>leases</c> in the cache root: a line for each lease that began and each that ended, appended and not synced, so that a daemon that was killed knows
/// its leases when it comes back. After a power cut nobody is left who held one.
/// </summary>
internal sealed class LeaseJournal : IDisposable
{
    private const string Name = "leases";
    private const int Slack = 10_000;

    private readonly CacheRoot root;
    private readonly Dictionary<string, NodeLease> live = new(StringComparer.Ordinal);
    private FileHandle file;
    private int lines;

    public LeaseJournal(CacheRoot root, TimeSpan ttl)
    {
        this.root = root;
        foreach (var line in Encoding.UTF8.GetString(root.Root.TryReadAll(Name) ?? []).Split('\n'))
        {
            var parts = line.Split(' ');
            if (parts is ["+", var id, var key, var job, "."])
                live[id] = new NodeLease(id, key, ttl, job.Length == 0 ? null : Uri.UnescapeDataString(job));
            else if (parts is ["-", var ended, "."])
                live.Remove(ended);
        }
        file = Rewrite();
    }

    /// <summary>The leases that had begun and not ended when it was opened.</summary>
    public IReadOnlyList<NodeLease> Live => [.. live.Values];

    public void Began(NodeLease lease)
    {
        live[lease.Id] = lease;
        Append(LineOf(lease));
    }

    public void Ended(string id)
    {
        if (live.Remove(id))
            Append($"- {id} .\n");
    }

    private static string LineOf(NodeLease lease) => $"+ {lease.Id} {lease.CacheKey} {Uri.EscapeDataString(lease.JobId ?? "")} .\n";

    private void Append(string line)
    {
        file.Append(Encoding.UTF8.GetBytes(line));
        if (++lines < Slack + (4 * live.Count))
            return;
        file.Dispose();
        file = Rewrite();
    }

    private FileHandle Rewrite()
    {
        root.Root.WriteAtomically(Name, Encoding.UTF8.GetBytes(string.Concat(live.Values.Select(LineOf))), root.Staging, 0x180 /* 0600 */);
        lines = live.Count;
        return root.Root.OpenAppend(Name, 0x180);
    }

    public void Dispose() => file.Dispose();
}
