namespace DatasetCache.Coordination;

/// <summary>The numbers that a <see cref="DatasetCoordinator"/> decides by. The defaults were found by the simulation (tests/Simulation).</summary>
internal sealed record CoordinatorOptions
{
    /// <summary>After how long without a report a node that reads from the origin is asked; no answer, and its claims go to others. Default: 10 s.</summary>
    public TimeSpan ClaimLapse { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer of an asked node is waited for before it counts as none. Default: 5 s.</summary>
    public TimeSpan AskTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a new coordinator waits for the live nodes' answers before it gives out origin reads. Default: 2 s.</summary>
    public TimeSpan LearningTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a node that was told to list the origin may take without a word. Default: 60 s.</summary>
    public TimeSpan ListingLapse { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How soon a node that waits for the listing asks again, at most. Default: 100 ms.</summary>
    public TimeSpan ListingPause { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>The same at first; it grows with the time that the listing takes. Default: 10 ms.</summary>
    public TimeSpan ListingPauseLeast { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>How many listings of jobs are remembered. Default: 1,000.</summary>
    public int RememberedJobs { get; init; } = 1000;

    /// <summary>How many reads of the origin all nodes together have open at first, and never fewer: until the first pieces are whole, nodes have nothing to pass on. Default: 4.</summary>
    public int OriginWindow { get; init; } = 4;

    /// <summary>Never more than that. Default: 1,024.</summary>
    public int OriginWindowMost { get; init; } = 1024;

    /// <summary>Pieces in one read of the origin, at most. Default: 8.</summary>
    public int OriginRun { get; init; } = 8;

    /// <summary>How long one read of the origin should take, by how long those before it took for a piece. Default: 200 ms.</summary>
    public TimeSpan OriginReadTime { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Pieces in a run that a node reads from another. Default: 4.</summary>
    public int PeerRun { get; init; } = 4;

    /// <summary>Runs of pieces that a node sends at a time, to all others together. More make each slower, and what is new spreads late. Default: 3.</summary>
    public int UploadsPerPeer { get; init; } = 3;

    /// <summary>Runs beyond that for what somebody waits for. Default: 2.</summary>
    public int UrgentUploads { get; init; } = 2;

    /// <summary>Runs of pieces that a node is told to fetch from others at a time. With more than others may send, some wait for the busy. Default: 3.</summary>
    public int DownloadsPerMember { get; init; } = 3;

    /// <summary>How long a node is not sent to another that it could not reach, at first; doubles up to four times that. Default: 2 s.</summary>
    public TimeSpan UnreachableRest { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// After how long a node that reports, and that nobody who needs it can reach, counts as having nothing, so that what only it has is read from the origin again. Three times that
    /// where somebody who needs it has not tried. Default: 10 s.
    /// </summary>
    public TimeSpan UnreachableLapse { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a node that sent wrong bytes is not named as a source. Default: 60 s.</summary>
    public TimeSpan WrongBytesRest { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many nodes must have failed to get a piece from the origin before nobody tries any more. Default: 3.</summary>
    public int OriginTries { get; init; } = 3;

    /// <summary>How long a piece that nobody could read fails everybody's download; who comes later tries again. Default: 10 s.</summary>
    public TimeSpan HopelessRest { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>With fewer missing pieces than this a node may be told to ask a second peer for a piece that is under way. Default: 4.</summary>
    public int Endgame { get; init; } = 4;

    /// <summary>After how long a piece that is under way from a peer is asked of a second one. Default: 2 s.</summary>
    public TimeSpan SlowPiece { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How many others a node is told of, for when no coordinator answers. Default: 8.</summary>
    public int Neighbours { get; init; } = 8;

    /// <summary>How many holders of a listing or an entry are named at most. Default: 8.</summary>
    public int NamedHolders { get; init; } = 8;

    /// <summary>Report at least this often. Default: 1 s.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How soon a node that gets nothing to do though it could asks again, where few take part; longer with many. Default: 20 ms.</summary>
    public TimeSpan IdlePause { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>After how long without a report a plan that nobody downloads by is forgotten. Default: 10 min.</summary>
    public TimeSpan IdlePlan { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How late a message may come. Default: 12 s.</summary>
    public TimeSpan LatestMessage { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>How long a granted eviction keeps others from being granted one, unless the node says before that it is done. Default: 30 s.</summary>
    public TimeSpan EvictionLapse { get; init; } = TimeSpan.FromSeconds(30);
}
