using DatasetCache.Integrity;

namespace DatasetCache;

/// <summary>An entry turned out to be broken.</summary>
/// <param name="cacheKey">Which one.</param>
/// <param name="reason">What is wrong, a few lines at the most.</param>
/// <param name="faults">The broken files; empty where the entry's own small files are torn.</param>
/// <param name="outcome">What became of it; never <see cref="VerifyOutcome.Sound"/>.</param>
public sealed class EntryInvalidatedEventArgs(string cacheKey, string reason, IReadOnlyList<FileFault> faults, VerifyOutcome outcome) : EventArgs
{
    public string CacheKey { get; } = cacheKey;

    public string Reason { get; } = reason;

    public IReadOnlyList<FileFault> Faults { get; } = faults;

    public VerifyOutcome Outcome { get; } = outcome;
}
