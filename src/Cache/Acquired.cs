using DatasetCache.Datasets;

namespace DatasetCache;

/// <summary>What an acquisition came to.</summary>
/// <param name="Identity">The entry that is ready.</param>
/// <param name="Outcome">Whether anything had to be put together for it.</param>
/// <param name="Changes">Of a mutable dataset that was known in another version before.</param>
/// <param name="StaleSince">Set where the origin could not be asked and an older version must do: when it was last confirmed.</param>
internal sealed record Acquired(DatasetIdentity Identity, AcquireOutcome Outcome, VersionChanges? Changes = null, DateTimeOffset? StaleSince = null);
