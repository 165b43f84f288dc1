namespace DatasetCache.History;

/// <summary>Something that happened to an entry.</summary>
/// <param name="Kind"><see cref="EntryEventKind"/>, as a word.</param>
/// <param name="Detail">For people: how much, from where, why.</param>
public sealed record EntryEvent(DateTimeOffset At, string CacheKey, string Kind, string Detail);

/// <summary>What can happen to an entry. Words that are kept on disk and said by the API: none is ever renamed.</summary>
public static class EntryEventKind
{
    /// <summary>It was made ready for somebody who waited for it.</summary>
    public const string Downloaded = "downloaded";

    /// <summary>The same for nobody yet.</summary>
    public const string Prefetched = "prefetched";

    /// <summary>It took the place of an older version of a mutable dataset.</summary>
    public const string Updated = "updated";

    /// <summary>Somebody had it looked at, and nothing is wrong.</summary>
    public const string Verified = "verified";

    public const string Healed = "healed";

    /// <summary>Found broken: withdrawn, or in quarantine.</summary>
    public const string Broken = "broken";

    public const string Evicted = "evicted";

    public const string Pinned = "pinned";

    public const string Unpinned = "unpinned";

    /// <summary>Its priority was changed.</summary>
    public const string Priority = "priority";
}
