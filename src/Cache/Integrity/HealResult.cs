namespace DatasetCache.Integrity;

/// <summary>What healing an entry came to.</summary>
/// <param name="Outcome">Never <see cref="VerifyOutcome.Sound"/>.</param>
/// <param name="Why">Why it is not healed; null where it is.</param>
/// <param name="SourceChanged">The origin no longer has what the entry holds, and says so.</param>
internal sealed record HealResult(VerifyOutcome Outcome, long BytesFromOrigin = 0, string? Why = null, bool SourceChanged = false);
