namespace DatasetCache.Integrity;

/// <summary>What verifying an entry ended with.</summary>
public enum VerifyOutcome
{
    /// <summary>Nothing is wrong.</summary>
    Sound,

    /// <summary>What was broken is as it was downloaded again. Readers were not disturbed: what they have open they read on.</summary>
    Healed,

    /// <summary>It stays where it is, for those who use it already, and nobody new gets it until it is healed.</summary>
    Withdrawn,

    /// <summary>It could not be healed and nobody held it: it is in quarantine, and the next caller fetches it anew.</summary>
    Quarantined,
}

/// <summary>What was found in an entry, and what was done about it.</summary>
/// <param name="Found">What was wrong before anything was done.</param>
/// <param name="BytesFromOrigin">Body bytes that healing read.</param>
/// <param name="Why">Why it is not healed, and what to do; null where it is sound or healed.</param>
public sealed record VerifyResult(VerifyReport Found, VerifyOutcome Outcome, long BytesFromOrigin = 0, string? Why = null)
{
    public string CacheKey => Found.CacheKey;

    /// <summary>Whether a caller gets whole data from it now.</summary>
    public bool IsUsable => Outcome is VerifyOutcome.Sound or VerifyOutcome.Healed;
}
