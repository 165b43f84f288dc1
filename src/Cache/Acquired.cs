using DatasetCache.Datasets;
using DatasetCache.Eviction;

namespace DatasetCache;

/// <summary>What an acquisition came to.</summary>
/// <param name="Identity">The entry that is ready.</param>
/// <param name="Lease">Keeps it until whoever asked has a lease of his own; null where it was evicted in the moment after its publishing.</param>
/// <param name="Outcome">Whether anything had to be put together for it.</param>
/// <param name="Changes">Of a mutable dataset that was known in another version before.</param>
/// <param name="StaleSince">Set where the origin could not be asked and an older version must do: when it was last confirmed.</param>
internal sealed record Acquired(DatasetIdentity Identity, EntryLease? Lease, AcquireOutcome Outcome, VersionChanges? Changes = null, DateTimeOffset? StaleSince = null)
{
    /// <summary>The entry that <see cref="Changes"/> compares with.</summary>
    public string? PreviousKey { get; init; }
}
