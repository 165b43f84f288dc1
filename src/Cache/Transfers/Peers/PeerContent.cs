using System.Collections.Concurrent;
using DatasetCache.Coordination;
using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>What this node gives to others: the manifests and pieces of its downloads and of its entries.</summary>
internal sealed class PeerContent(CacheRoot root, EntryStore entries, EntryIndex index) : IPeerContent, IDisposable
{
    // Opened again when they are asked for: an entry's plan is its manifest in memory and an open directory.
    private const int MostPlans = 64;
    private const int MostListings = 16;
    private readonly ConcurrentDictionary<string, ServedPlan> plans = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, byte[]> listings = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<string> planOrder = new(), listingOrder = new();
    private readonly Lock opening = new();

    /// <summary>Manifest documents of entries, by digest.</summary>
    private readonly ConcurrentDictionary<string, string> documents = new(StringComparer.Ordinal);

    public void OfferListing(ManifestDocument listing)
    {
        if (!listings.TryAdd(listing.Digest, listing.Bytes))
            return;
        listingOrder.Enqueue(listing.Digest);
        if (listingOrder.Count > MostListings && listingOrder.TryDequeue(out var oldest))
            listings.TryRemove(oldest, out _);
    }

    /// <summary>Gives out the pieces of a download from now on.</summary>
    public ServedPlan Offer(PlacedPlan plan, DirectoryHandle tree)
    {
        var served = new ServedPlan(plan, tree);
        plans.AddOrUpdate(plan.Plan.Digest, served, (_, _) => served);
        planOrder.Enqueue(plan.Plan.Digest);
        // What is under way or was read piece by piece stays: each of those once round.
        for (var looks = planOrder.Count; looks > 0 && plans.Count > MostPlans && planOrder.TryDequeue(out var oldest); looks--)
            Drop(oldest, onlyEntries: true);
        return served;
    }

    /// <summary>Takes back this offer of a plan, unless another has taken its place.</summary>
    public void Withdraw(ServedPlan served)
    {
        if (plans.TryRemove(new KeyValuePair<string, ServedPlan>(served.Placed.Plan.Digest, served)))
            served.Dispose();
    }

    /// <summary>A download has become an entry: its plans are as good as the entry is.</summary>
    public void Published(IEnumerable<string> downloads, string cacheKey)
    {
        foreach (var plan in downloads)
        {
            if (plans.TryGetValue(plan, out var served))
                served.CacheKey = cacheKey;
        }
    }

    /// <summary>A download was given up, or its entry evicted.</summary>
    public void Withdraw(string plan) => Drop(plan, onlyEntries: false);

    private void Drop(string plan, bool onlyEntries)
    {
        if (!plans.TryGetValue(plan, out var served))
            return;
        if (onlyEntries && served.CacheKey is null)
            planOrder.Enqueue(plan);
        else if (plans.TryRemove(new KeyValuePair<string, ServedPlan>(plan, served)))
            served.Dispose();
    }

    /// <summary>The manifest document of an entry; null where it is gone or torn.</summary>
    public ManifestDocument? DocumentOf(EntryRecord record)
    {
        if (root.Entries.TryReadAll(record.CacheKey + "/manifest") is not { } text || ManifestDocument.OfEntry(text, record) is not { } document)
            return null;
        documents[document.Digest] = record.CacheKey;
        return document;
    }

    public byte[]? FindManifest(string digest)
    {
        if (listings.TryGetValue(digest, out var listing))
            return listing;
        if (!documents.TryGetValue(digest, out var key) || entries.IsBroken(key) || entries.TryRead(key) is not { } record)
            return null;
        return DocumentOf(record) is { } document && string.Equals(document.Digest, digest, StringComparison.Ordinal) ? document.Bytes : null;
    }

    public PieceSet? FindHeld(string plan) => Find(plan)?.Held();

    public OpenPiece? TryOpen(string plan, int piece, IReadOnlyList<int>? parts) => Find(plan)?.TryOpen(piece, parts);

    private ServedPlan? Find(string plan)
    {
        if (plans.TryGetValue(plan, out var served))
        {
            if (served.CacheKey is null || (!entries.IsBroken(served.CacheKey) && entries.TryRead(served.CacheKey) is not null))
                return served;
            Withdraw(plan);
            return null;
        }
        lock (opening)
            return plans.TryGetValue(plan, out served) ? served : OpenEntry(plan);
    }

    private ServedPlan? OpenEntry(string plan)
    {
        index.Refresh();
        foreach (var record in index.Records().Where(record => string.Equals(record.ManifestDigest, plan, StringComparison.Ordinal)))
        {
            if (entries.IsBroken(record.CacheKey) || entries.ReadManifest(record.CacheKey) is not { } lines || root.Snapshots.TryOpenDirectory(record.CacheKey) is not { } tree)
                continue;
            var manifest = new Datasets.Manifest(lines.Select(line => line.File));
            var present = new Pieces(manifest);
            for (var file = 0; file < lines.Count; file++)
            {
                if (lines[file].Checksums.Length > 0)
                    present.CompleteAll(file, lines[file].Checksums);
            }
            Offer(new PlacedPlan(new PiecePlan(manifest), [.. Enumerable.Range(0, lines.Count)], present), tree);
            Published([plan], record.CacheKey);
            return plans.GetValueOrDefault(plan);
        }
        return null;
    }

    public void Dispose()
    {
        foreach (var plan in plans.Keys)
            Drop(plan, onlyEntries: false);
    }
}
