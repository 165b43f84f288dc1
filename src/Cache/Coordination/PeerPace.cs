namespace DatasetCache.Coordination;

/// <summary>How long a piece takes on its way between nodes, and what follows from it: over narrow links fewer at a time, so that each is whole soon and can be passed on.</summary>
internal sealed class PeerPace(CoordinatorOptions options)
{
    // Of each new time, in the mean.
    private const double Weight = 0.1;

    private bool isNarrow;

    public TimeSpan Mean { get; private set; }

    /// <summary>Runs that a node sends at a time.</summary>
    public int Uploads => isNarrow ? Math.Min(options.RunsOnNarrowLinks, options.UploadsPerPeer) : options.UploadsPerPeer;

    /// <summary>Runs that a node fetches at a time.</summary>
    public int Downloads => isNarrow ? Math.Min(options.RunsOnNarrowLinks, options.DownloadsPerMember) : options.DownloadsPerMember;

    /// <summary>After how long a piece is asked of a second node: what takes no longer than the others do is not slow.</summary>
    /// <param name="isLast">One of the last that a node lacks.</param>
    public TimeSpan Patience(bool isLast)
    {
        var patience = isLast ? options.SlowPiece / 4 : options.SlowPiece;
        return patience > 2 * Mean ? patience : 2 * Mean;
    }

    public void Note(TimeSpan took)
    {
        Mean = Mean == default ? took : Mean + ((took - Mean) * Weight);
        // With fewer at a time each is faster: that alone does not make the links wide.
        isNarrow = Mean > (isNarrow ? options.NarrowPace / 2 : options.NarrowPace);
    }
}
