using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using DatasetCache.Coordination;
using DatasetCache.Datasets;
using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Transfers.Peers;

/// <summary>This node's part in the cluster: what it holds, what it downloads, what it says of that to the datasets' coordinators.</summary>
internal sealed class ClusterNode(ICluster cluster, CacheRoot root, EntryStore entries, EntryIndex index, TimeProvider time) : INodeHoldings, IDisposable
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<SwarmDownload, byte>> downloads = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Digest, long Since, TimeSpan Age)> listings = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (string Key, string Digest)> announced = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> others = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Epoch> seen = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource stopping = new();
    private static readonly TimeSpan SecondLook = TimeSpan.FromMinutes(1);

    // Whoever has just not answered is not waited for again at each of a hundred evictions.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(10);
    private long? silent;

    public ICluster Cluster => cluster;

    public PeerContent Content { get; } = new(root, entries, index);

    public TimeProvider Time => time;

    /// <summary>How many other nodes had the entry when the cluster was last asked.</summary>
    public int Others(string cacheKey) => others.GetValueOrDefault(cacheKey);

    public Epoch Seen(string key) => seen.GetValueOrDefault(key);

    /// <returns>False where an older activation answered, that does not know yet that it was replaced.</returns>
    public bool Hear(string key, Epoch epoch)
    {
        while (true)
        {
            var known = Seen(key);
            if (epoch < known)
                return false;
            if (epoch == known || (known == Epoch.None ? seen.TryAdd(key, epoch) : seen.TryUpdate(key, epoch, known)))
                return true;
        }
    }

    /// <summary>Hands a listing to others from now on.</summary>
    public void Offer(string key, ManifestDocument listing, TimeSpan age)
    {
        Content.OfferListing(listing);
        listings[key] = (listing.Digest, time.GetTimestamp(), age);
    }

    /// <summary>The listing that this node hands to others, and how old it is.</summary>
    public (string? Digest, TimeSpan Age) Offered(string key) => listings.TryGetValue(key, out var known) && Content.FindManifest(known.Digest) is not null
        ? (known.Digest, known.Age + time.GetElapsedTime(known.Since)) : default;

    public void Joined(string key, SwarmDownload download) => downloads.GetOrAdd(key, _ => []).TryAdd(download, 0);

    public void Left(string key, SwarmDownload download)
    {
        if (downloads.TryGetValue(key, out var all) && all.TryRemove(download, out _) && all.IsEmpty)
            downloads.TryRemove(new KeyValuePair<string, ConcurrentDictionary<SwarmDownload, byte>>(key, all));
    }

    /// <summary>Pieces that this node reads from the origin for all.</summary>
    public int OpenClaims => downloads.Values.Sum(running => running.Keys.Sum(download => download.OpenClaims));

    /// <inheritdoc />
    public NodeHolding Describe(string key)
    {
        var reports = downloads.TryGetValue(key, out var running) ? running.Keys.Select(download => download.Describe()).ToList() : [];
        ReplicaReport? replica = null;
        if (Find(key) is { } record && Content.DocumentOf(record) is { } document)
        {
            replica = Report(key, record, document);
            if (!reports.Exists(report => string.Equals(report.Plan, record.ManifestDigest, StringComparison.Ordinal)))
                reports.Add(AsSource(key, document));
        }
        var (listing, age) = Offered(key);
        return new NodeHolding
        {
            From = cluster.Self,
            Seen = Seen(key),
            Replica = replica,
            Listing = listing,
            ListingAge = age,
            Downloads = reports,
        };
    }

    // The entry of a name in the cluster, if it is here and whole.
    private EntryRecord? Find(string key)
    {
        index.Refresh();
        return index.Records().FirstOrDefault(record => string.Equals(KeyOf(record), key, StringComparison.Ordinal) && !entries.IsBroken(record.CacheKey));
    }

    private static string? KeyOf(EntryRecord record) => IdentityText.Parse(record.Identity) is { } identity ? ClusterKey.Of(identity) : null;

    private ReplicaReport Report(string key, EntryRecord record, ManifestDocument document)
    {
        announced[record.CacheKey] = (key, document.Digest);
        return new ReplicaReport { From = cluster.Self, Seen = Seen(key), CacheKey = record.CacheKey, Digest = document.Digest, Bytes = record.Bytes };
    }

    // A whole entry is a source of its plan, as if it had been downloaded this moment. Always the same session, so that it is one source however often it is told.
    private MemberReport AsSource(string key, ManifestDocument document)
    {
        var plan = new PiecePlan(document.Manifest);
        return new MemberReport
        {
            From = cluster.Self,
            Session = new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{cluster.Self.Node}\n{document.Digest}")).AsSpan(0, 16)),
            Sequence = 1,
            Seen = Seen(key),
            Manifest = document.Digest,
            Plan = plan.Digest,
            Pieces = plan.Count,
            Held = PieceSet.Full(plan.Count),
            Checksums = Expected(plan, document.Lines),
            Leaves = true,
            StaysAsSource = true,
        };
    }

    /// <summary>What each piece must be by the checksums of an entry's manifest, which may hold more files than the plan.</summary>
    public static IReadOnlyList<uint> Expected(PiecePlan plan, IReadOnlyList<ManifestText.Line> lines)
    {
        var byPath = lines.ToDictionary(line => line.File.Path, StringComparer.Ordinal);
        return [.. Enumerable.Range(0, plan.Count).Select(piece => PiecePlan.Combine(plan.Parts(piece).Select(part => byPath[plan.Manifest.Files[part.File].Path].Checksums[part.Piece])))];
    }

    /// <summary>An entry is ready: tells its coordinator, who sends others here.</summary>
    /// <param name="isNew">It has just been downloaded, as the coordinator knows; false for what was on disk before.</param>
    public async Task AnnounceAsync(EntryRecord record, bool isNew, CancellationToken cancellationToken)
    {
        if (KeyOf(record) is not { } key || Content.DocumentOf(record) is not { } document)
            return;
        var coordinator = cluster.Coordinator(key);
        var reply = await RetryAsync(() => coordinator.ReplicaAsync(Report(key, record, document), cancellationToken), cancellationToken);
        if (reply is null)
            return;
        Hear(key, reply.Epoch);
        others[record.CacheKey] = reply.Others;
        if (!isNew)
            await RetryAsync(() => coordinator.ReportAsync(AsSource(key, document), cancellationToken), cancellationToken);
    }

    /// <summary>The same in the background.</summary>
    public void Announce(EntryRecord record, bool isNew) => InBackground(async () =>
    {
        await AnnounceAsync(record, isNew, stopping.Token);
        // The first of many to finish learns then that it is not the only one.
        await Task.Delay(SecondLook, time, stopping.Token);
        if (announced.ContainsKey(record.CacheKey))
            await AnnounceAsync(record, isNew: true, stopping.Token);
    });

    /// <summary><see cref="WithdrawAsync"/> in the background.</summary>
    public void Withdraw(string cacheKey) => InBackground(() => WithdrawAsync(cacheKey, stopping.Token));

    // Nothing that a job waits for: a coordinator that hears nothing finds out by asking, or by a 404.
    private void InBackground(Func<Task> call) => _ = Task.Run(async () =>
    {
        try
        {
            await call();
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    });

    /// <summary>Tells of every entry on the disk: after a start, and when the cluster may have forgotten.</summary>
    public async Task AnnounceAllAsync(CancellationToken cancellationToken)
    {
        index.Refresh();
        foreach (var record in index.Records())
        {
            if (!entries.IsBroken(record.CacheKey))
                await AnnounceAsync(record, isNew: false, cancellationToken);
        }
    }

    /// <summary>An entry is no longer whole or no longer here: nobody shall be sent here for it.</summary>
    public async Task WithdrawAsync(string cacheKey, CancellationToken cancellationToken)
    {
        others.TryRemove(cacheKey, out _);
        if (!announced.TryRemove(cacheKey, out var told))
            return;
        var report = new ReplicaReport { From = cluster.Self, Seen = Seen(told.Key), CacheKey = cacheKey, Digest = told.Digest, Bytes = 0, Withdrawn = true };
        await RetryAsync(() => cluster.Coordinator(told.Key).ReplicaAsync(report, cancellationToken), cancellationToken);
    }

    /// <summary>Asks whether an entry may be evicted now. Without a coordinator this node decides by itself: its disk must not fill up.</summary>
    /// <param name="redundant">It goes because others have it too.</param>
    public async ValueTask<bool> MayEvictAsync(string cacheKey, bool redundant, CancellationToken cancellationToken)
    {
        if (!announced.TryGetValue(cacheKey, out var told) || (silent is { } since && time.GetElapsedTime(since) < Silence))
            return true;
        try
        {
            var reply = await cluster.Coordinator(told.Key).EvictAsync(new EvictionRequest(cluster.Self, Seen(told.Key), redundant), cancellationToken);
            silent = null;
            if (!Hear(told.Key, reply.Epoch))
                return true;
            others[cacheKey] = reply.Others;
            return reply.Granted;
        }
        catch (CoordinatorUnavailableException)
        {
            silent = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>Withdraws everything: the node stops.</summary>
    public Task WithdrawAllAsync(CancellationToken cancellationToken) => Task.WhenAll(announced.Keys.Select(key => WithdrawAsync(key, cancellationToken)));

    // What nobody hears is asked for again by the next coordinator.
    private async Task<T?> RetryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
        where T : class
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await call();
            }
            catch (CoordinatorUnavailableException) when (attempt < 4)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(250 * attempt), time, cancellationToken);
            }
            catch (CoordinatorUnavailableException)
            {
                return null;
            }
        }
    }

    public void Dispose()
    {
        stopping.Cancel();
        Content.Dispose();
        stopping.Dispose();
    }
}
