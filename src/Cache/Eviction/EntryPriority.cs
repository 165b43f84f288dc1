namespace DatasetCache.Eviction;

/// <summary>An operator's word on which entries go first. It protects nothing: see <see cref="Protection"/> for what does.</summary>
public enum EntryPriority
{
    /// <summary>Goes before all others.</summary>
    Low,
    Normal,
    /// <summary>Goes after all others.</summary>
    High,
}
