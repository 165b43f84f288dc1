namespace DatasetCache.Eviction;

public enum ProtectionKind
{
    /// <summary>A live process has a lease.</summary>
    Lease,
    /// <summary>A job's link still points at it.</summary>
    JobLink,
    /// <summary>Somebody pinned it.</summary>
    Pin,
    /// <summary>Held until a time, by <c>get --hold</c>.</summary>
    Hold,
    /// <summary>The disk refused to let it be removed: another user's, or a failing disk.</summary>
    NotRemovable,
}

/// <summary>Why an entry must stay.</summary>
/// <param name="Reason">For people, with what ends it: <c>the link /jobs/91/dataset (job 91)</c>.</param>
/// <param name="Until">When it ends by itself, where that is known.</param>
public sealed record Protection(ProtectionKind Kind, string Reason, DateTimeOffset? Until = null)
{
    public override string ToString() => Reason;
}
