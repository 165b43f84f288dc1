namespace DatasetCache.Coordination;

/// <summary>The numbers that a <see cref="SwarmMember"/> goes by.</summary>
internal sealed record MemberOptions
{
    /// <summary>Pieces under way at a time, from the origin and from peers together: for a lone node 32 requests of 8 pieces, which fill 10 Gbit/s at 50 MB/s a connection. Default: 256.</summary>
    public int Slots { get; init; } = 256;

    /// <summary>Without a coordinator: pieces under way from neighbours at a time. Default: 4.</summary>
    public int NeighbourSlots { get; init; } = 4;

    /// <summary>How long a call to the coordinator may hang before the member goes on by itself. Default: 500 ms.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long no coordinator may answer before pieces that somebody waits for are read from the origin without one: others may be reading the same. Default: 10 s.
    /// </summary>
    public TimeSpan ReadAlone { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a failed call is waited for before the next one, at first; doubles up to a second. Default: 50 ms.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Without a coordinator: how often a neighbour is asked what it has. Default: 500 ms.</summary>
    public TimeSpan NeighbourPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Without a coordinator: how long a neighbour that failed is left alone. Default: 2 s.</summary>
    public TimeSpan NeighbourRest { get; init; } = TimeSpan.FromSeconds(2);
}
