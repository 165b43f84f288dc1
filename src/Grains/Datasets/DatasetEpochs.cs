using System.Collections.Concurrent;
using DatasetCache.Coordination;

namespace DatasetCache.Grains;

/// <summary>
/// The highest epoch that this silo heard of for each dataset. An activation that gave up is followed by one on the same silo as likely as not: it must not begin
/// below what made the first give up.
/// </summary>
internal sealed class DatasetEpochs
{
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<string, Epoch> highest = new(StringComparer.Ordinal);

    public void Note(string key, Epoch seen)
    {
        if (seen == Epoch.None)
            return;
        // What is forgotten is heard of again from the first node that asks.
        if (highest.Count >= Most)
            highest.Clear();
        highest.AddOrUpdate(key, seen, (_, known) => known > seen ? known : seen);
    }

    /// <summary>An epoch above all that this silo heard of.</summary>
    public Epoch Next(string key, long membership)
    {
        var last = highest.GetValueOrDefault(key);
        var next = new Epoch(Math.Max(membership, last.Membership), last.Counter + 1, Guid.NewGuid());
        Note(key, next);
        return next;
    }
}
