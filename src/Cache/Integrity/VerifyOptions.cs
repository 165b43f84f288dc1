namespace DatasetCache.Integrity;

/// <summary>How an entry is verified, and what is done about what is broken.</summary>
public sealed record VerifyOptions
{
    public static VerifyOptions Default { get; } = new();

    /// <summary>Default: <see cref="VerifyLevel.Pieces"/>.</summary>
    public VerifyLevel Level { get; init; } = VerifyLevel.Pieces;

    /// <summary>Whether a broken entry is healed from its origin; otherwise it is only withdrawn. Default: true.</summary>
    public bool Heal { get; init; } = true;

    /// <summary>Is told how far the reading is, by any thread, and often.</summary>
    public IProgress<VerifyProgress>? Progress { get; init; }
}
