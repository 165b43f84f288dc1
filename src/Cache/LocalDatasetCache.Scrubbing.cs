using DatasetCache.Integrity;

namespace DatasetCache;

// What goes on in the background of a daemon, and what a timer may call instead.
public sealed partial class LocalDatasetCache
{
    private static readonly TimeSpan MaintainEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan SweepEvery = TimeSpan.FromHours(1);

    /// <summary>
    /// Goes through the cache's files, as much as is due, and heals what is broken: all pieces against their checksums, all files against their origin's digests,
    /// once in <see cref="CacheOptions.ScrubPeriod"/> at no more than <see cref="CacheOptions.ScrubRate"/>. It goes on where it stopped, whatever stopped it.
    /// </summary>
    /// <exception cref="LockTimeoutException">Another process is at it.</exception>
    /// <exception cref="StorageException">The root does not let its place be noted.</exception>
    public async Task<ScrubReport> ScrubAsync(ScrubOptions? options = null, CancellationToken cancellationToken = default)
    {
        using var scrubber = NewScrubber();
        var report = await Task.Run(() => scrubber.RunAsync(options ?? new ScrubOptions(), this.options.ScrubRate, this.options.ScrubPeriod, cancellationToken), cancellationToken);
        Recorder?.Scrubbed(report);
        return report;
    }

    /// <summary>Keeps the cache healthy until it is cancelled: see <see cref="MaintainAsync(ScrubOptions, IProgress{MaintenanceRound}, CancellationToken)"/>.</summary>
    public Task MaintainAsync(CancellationToken cancellationToken) => MaintainAsync(options: null, progress: null, cancellationToken);

    /// <summary>
    /// Keeps the cache healthy until it is cancelled, for daemons: every minute it scrubs what is due, heals what could not be healed before and, where the quota or the disk's floor is passed, evicts down
    /// to the low mark; every hour it removes what crashes left. Where another process scrubs, that one's work counts.
    /// </summary>
    /// <param name="progress">Is told of every round that did something, and of every one that failed: a failure does not end it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled: the only way out.</exception>
    public async Task MaintainAsync(ScrubOptions? options, IProgress<MaintenanceRound>? progress, CancellationToken cancellationToken)
    {
        using var scrubber = NewScrubber();
        DateTimeOffset? swept = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var round = new MaintenanceRound();
            try
            {
                round = round with { Evicted = await space.KeepWithinAsync(cancellationToken) };
                var now = time.GetUtcNow();
                if (swept is not { } last || (now - last).Duration() >= SweepEvery)
                {
                    round = round with { Swept = Sweep(Store.StagingSweep.DefaultPatience) };
                    swept = now;
                }
                if (options?.Heal != false)
                    round = round with { Retried = await HealWithdrawnAsync(cancellationToken) };
                round = round with
                {
                    Scrub = await Task.Run(() => scrubber.RunAsync(options ?? new ScrubOptions(), this.options.ScrubRate, this.options.ScrubPeriod, cancellationToken), cancellationToken),
                };
            }
            catch (LockTimeoutException)
            {
                // Another process scrubs.
            }
            catch (DatasetCacheException e)
            {
                round = round with { Failure = e };
            }
            Tell(round);
            progress?.Report(round);
            options = options is { All: true } ? options with { All = false } : options;
            await Task.Delay(MaintainEvery, time, cancellationToken);
        }
    }

    private void Tell(MaintenanceRound round)
    {
        if (round.Scrub is { } scrub)
            Recorder?.Scrubbed(scrub);
        Recorder?.Withdrawn(round.Retried.Concat(round.Scrub?.Broken ?? []).Count(result => result.Outcome == VerifyOutcome.Withdrawn));
    }

    // What could not be healed when it was found, because the origin was down or the disk full.
    private async Task<IReadOnlyList<VerifyResult>> HealWithdrawnAsync(CancellationToken cancellationToken)
    {
        var results = new List<VerifyResult>();
        index.Refresh();
        foreach (var key in index.Records().Select(record => record.CacheKey).Where(entries.IsBroken))
        {
            if (entries.DirectoryOf(key) is { } judged)
                results.Add(await DealWithAsync(new VerifyReport(key, 0, 0, []), judged, heal: true, cancellationToken));
        }
        return results;
    }

    private Scrubber NewScrubber() => new(root, entries, index, time, DealWithAsync);
}

/// <summary>What one round of <see cref="LocalDatasetCache.MaintainAsync(CancellationToken)"/> did.</summary>
public sealed record MaintenanceRound
{
    /// <summary>Entries evicted because the quota or the disk's floor was passed.</summary>
    public int Evicted { get; init; }

    /// <summary>What crashes had left and is gone now.</summary>
    public int Swept { get; init; }

    /// <summary>Entries that were withdrawn before, and what came of healing them now.</summary>
    public IReadOnlyList<VerifyResult> Retried { get; init; } = [];

    /// <summary>Null where another process scrubs, or it failed.</summary>
    public ScrubReport? Scrub { get; init; }

    /// <summary>Why the round was cut short; the next one is tried all the same.</summary>
    public DatasetCacheException? Failure { get; init; }
}
