namespace DatasetCache.Coordination;

/// <summary>
/// Which activation of a dataset's coordinator speaks. Two may live for a moment where the cluster disagrees about who is in it; the higher one is the real one.
/// </summary>
/// <param name="Membership">The version of the cluster's membership that it saw when it began.</param>
/// <param name="Counter">One more than the highest that it heard of.</param>
/// <param name="Activation">Decides between two that began alike.</param>
internal readonly record struct Epoch(long Membership, long Counter, Guid Activation) : IComparable<Epoch>
{
    /// <summary>Lower than any activation's: nothing was heard yet.</summary>
    public static readonly Epoch None;

    public int CompareTo(Epoch other)
    {
        var order = Membership.CompareTo(other.Membership);
        if (order == 0)
            order = Counter.CompareTo(other.Counter);
        return order == 0 ? Activation.CompareTo(other.Activation) : order;
    }

    public static bool operator <(Epoch left, Epoch right) => left.CompareTo(right) < 0;

    public static bool operator >(Epoch left, Epoch right) => left.CompareTo(right) > 0;

    public static bool operator <=(Epoch left, Epoch right) => left.CompareTo(right) <= 0;

    public static bool operator >=(Epoch left, Epoch right) => left.CompareTo(right) >= 0;
}
