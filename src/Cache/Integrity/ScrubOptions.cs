namespace DatasetCache.Integrity;

/// <summary>How much a scrub does now. What is null is as <see cref="CacheOptions"/> has it.</summary>
public sealed record ScrubOptions
{
    /// <summary>Go through everything now; otherwise as much as is due. One that was cut short is gone on with. Default: false.</summary>
    public bool All { get; init; }

    /// <summary>Bytes a second that it reads at most; 0 for no bound.</summary>
    public long? Rate { get; init; }

    /// <summary>The time in which everything is gone through once.</summary>
    public TimeSpan? Period { get; init; }

    /// <summary>Whether what is broken is healed; otherwise it is only withdrawn. Default: true.</summary>
    public bool Heal { get; init; } = true;

    /// <summary>Is told how far it is, some times a second.</summary>
    public IProgress<ScrubProgress>? Progress { get; init; }
}

/// <summary>How far a scrub is.</summary>
/// <param name="CacheKey">The entry under way.</param>
/// <param name="BytesRead">By this call.</param>
/// <param name="Passed">The share of the cache that this cycle has gone through, 0 to 1.</param>
public sealed record ScrubProgress(string CacheKey, long BytesRead, double Passed);

/// <summary>What one call of the scrubber did, and where it stands.</summary>
/// <param name="Entries">Entries that it came to the end of.</param>
/// <param name="Files">Files that it looked at.</param>
/// <param name="BytesRead">Bytes that it read and compared.</param>
/// <param name="Broken">What it found, an item for every time that something was done about an entry.</param>
/// <param name="Cycle">How often it has begun to go through everything, from 1.</param>
/// <param name="CycleStarted">When this cycle began.</param>
/// <param name="CycleEnds">When this cycle ends at the pace it has; when it ended, where it has.</param>
/// <param name="Passed">The share of the cache that this cycle has gone through, 0 to 1.</param>
/// <param name="IsCycleOver">Whether everything has been gone through; the next cycle begins a period after this one began.</param>
/// <param name="Found">Faults found in this cycle, by this and earlier calls.</param>
/// <param name="Unhealed">How many entries of these could not be healed.</param>
/// <param name="Position">The entry, and the file in it, up to which all is done; null at the beginning.</param>
public sealed record ScrubReport(
    long Entries, long Files, long BytesRead, IReadOnlyList<VerifyResult> Broken, long Cycle, DateTimeOffset CycleStarted, DateTimeOffset CycleEnds, double Passed,
    bool IsCycleOver, long Found, long Unhealed, string? Position);
