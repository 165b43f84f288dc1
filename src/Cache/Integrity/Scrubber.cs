using DatasetCache.Eviction;
using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>What the scrubber calls on for an entry that it found broken.</summary>
internal delegate Task<VerifyResult> DealWith(VerifyReport found, FileStatus judged, bool heal, CancellationToken cancellationToken);

/// <summary>
/// Goes through all entries in the order of their keys, file by file, as much as is due, and has healed what is broken. It works in slices of a quarter
/// of a second: after each, what it found is dealt with and its place is noted, in this order, so that a kill loses no more than a slice and
/// passes over nothing.
/// </summary>
/// <remarks>It holds no lease: what it reads may be evicted under it, and that is no fault. One at a time on a root.</remarks>
internal sealed class Scrubber(CacheRoot root, EntryStore entries, EntryIndex index, TimeProvider time, DealWith dealWith) : IDisposable
{
    private const string LockName = "scrub.lock";

    public CacheRoot Root => root;

    public EntryStore Entries => entries;

    public ScrubPlan Plan { get; } = new(index, time);

    public TimeProvider Time => time;

    public DealWith DealWith => dealWith;

    public MediumReader Reader { get; } = new(root.Files);

    public OriginDigests Origins { get; } = new(root);

    public SharedFiles Shared { get; } = new();

    /// <exception cref="LockTimeoutException">Another process scrubs this root.</exception>
    public async Task<ScrubReport> RunAsync(ScrubOptions options, long defaultRate, TimeSpan defaultPeriod, CancellationToken cancellationToken)
    {
        using var held = FileLock.TryTake(root.Root, LockName)
            ?? throw new LockTimeoutException($"Another process scrubs the cache in {root.Path}.", "One is enough: it goes through everything. `dscache scrub` again when it has ended.");
        var period = options.Period ?? defaultPeriod;
        if (period <= TimeSpan.Zero)
            throw new InvalidRequestException("A scrub's period must be above 0.");
        return await new ScrubRun(this, options, options.Rate ?? defaultRate, period).GoAsync(cancellationToken);
    }

    public void Dispose() => Reader.Dispose();
}
