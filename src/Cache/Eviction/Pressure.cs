using System.Globalization;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>Makes space: decides who goes, looks at what protects them, and evicts until enough is free. Callers hold the space lock.</summary>
internal sealed class Pressure(CacheRoot root, EntryIndex index, Evictor evictor, Protections protections, TimeProvider time)
{
    // One at a time: callers hold the space lock.
    private readonly EvictionQueue queue = new(index);

    /// <summary>
    /// Whether the cluster lets an entry go: two nodes must not each count on the other's copy. Asked before the entry is locked. Null on a host of its own.
    /// </summary>
    public Func<EvictionCandidate, CancellationToken, ValueTask<bool>>? Grant { get; set; }

    /// <summary>What an attempt to make space came to.</summary>
    /// <param name="Protected">What was found to be protected, in words and numbers; empty where not everything had to be looked at.</param>
    public readonly record struct Result(long Freed, int Evicted, string Protected);

    /// <param name="must">Bytes without which it is in vain: where they cannot be had, nothing is evicted.</param>
    /// <param name="want">Bytes to stop at, down to the low mark.</param>
    public async ValueTask<Result> FreeAsync(long must, long want, CancellationToken cancellationToken)
    {
        queue.Start();
        var kept = new Dictionary<ProtectionKind, (int Entries, long Bytes)>();
        var plan = new Queue<EvictionCandidate>();
        var sharers = new List<EvictionCandidate>();
        var denied = new Queue<EvictionCandidate>();
        var (planned, freed, evicted) = (0L, 0L, 0);

        bool PlanNext()
        {
            if (queue.Next(time.GetUtcNow()) is not { } candidate)
                return false;
            if (protections.Of(candidate.CacheKey) is [var first, ..])
                Keep(first.Kind, candidate);
            else if (candidate.Bytes == 0)
                sharers.Add(candidate);
            else
            {
                plan.Enqueue(candidate);
                planned += candidate.Bytes;
            }
            return true;
        }

        void Keep(ProtectionKind kind, EvictionCandidate candidate)
        {
            var (count, bytes) = kept.GetValueOrDefault(kind);
            kept[kind] = (count + 1, bytes + candidate.Bytes);
        }

        EvictionResult Try(EvictionCandidate candidate, bool mustFree)
        {
            EvictionResult result;
            try
            {
                result = evictor.Evict(candidate.CacheKey, EvictionCause.Space, mustFree);
            }
            catch (DatasetCacheException e)
            {
                result = new EvictionResult(candidate.CacheKey, EvictionOutcome.Protected, 0, [new Protection(ProtectionKind.NotRemovable, e.Message)]);
            }
            if (result.Outcome == EvictionOutcome.Evicted)
                evicted++;
            if (result.Outcome == EvictionOutcome.Protected)
                Keep(result.Protections[0].Kind, candidate);
            freed += result.FreedBytes;
            return result;
        }

        while (planned < want && PlanNext())
        {
        }
        // No entry gives more than it is charged for: what this sum lacks, evicting all of them would lack too.
        if (planned < must)
            return new Result(0, 0, Describe(kept));
        while (freed < want)
        {
            if (plan.Count == 0 && !PlanNext())
                break;
            if (!plan.TryDequeue(out var candidate))
                continue;
            if (Grant is not null && !await Grant(candidate, cancellationToken))
            {
                denied.Enqueue(candidate);
                continue;
            }
            if (Try(candidate, mustFree: true).Outcome == EvictionOutcome.FreesNothing)
                sharers.Add(candidate);
        }
        // A full disk outranks what others would like to keep.
        while (freed < must && denied.TryDequeue(out var candidate))
        {
            if (Try(candidate, mustFree: true).Outcome == EvictionOutcome.FreesNothing)
                sharers.Add(candidate);
        }
        if (freed < must)
        {
            foreach (var candidate in Together(sharers))
            {
                if (freed >= must)
                    break;
                Try(candidate, mustFree: false);
            }
        }
        return new Result(freed, evicted, Describe(kept));
    }

    // Entries that share all they have: none frees anything alone. A file is freed when all that have it go, so those go of which at least one file has
    // all its names among them.
    private List<EvictionCandidate> Together(List<EvictionCandidate> sharers)
    {
        var names = new Dictionary<(ulong, ulong), uint>();
        var surveys = new List<(EvictionCandidate Candidate, TreeSurvey Survey)>();
        foreach (var candidate in sharers)
        {
            using var tree = root.Snapshots.TryOpenDirectory(candidate.CacheKey);
            if (tree is null)
                continue;
            var survey = TreeSurvey.Of(tree);
            surveys.Add((candidate, survey));
            foreach (var file in survey.Shared)
                names[(file.Device, file.Inode)] = names.GetValueOrDefault((file.Device, file.Inode)) + 1;
        }
        return [.. surveys.Where(pair => pair.Survey.Shared.Any(file => names[(file.Device, file.Inode)] >= file.Links)).Select(pair => pair.Candidate)];
    }

    private static string Describe(Dictionary<ProtectionKind, (int Entries, long Bytes)> kept)
        => string.Join(", ", kept.OrderBy(pair => pair.Key).Select(pair => string.Create(CultureInfo.InvariantCulture,
            $"{pair.Value.Entries:N0} {(pair.Value.Entries == 1 ? "entry" : "entries")} of {pair.Value.Bytes:N0} bytes {Words(pair.Key)}")));

    private static string Words(ProtectionKind kind) => kind switch
    {
        ProtectionKind.Lease => "in use by running processes",
        ProtectionKind.JobLink => "held by job links",
        ProtectionKind.Pin => "pinned",
        ProtectionKind.Hold => "held until a time",
        _ => "not removable",
    };
}
