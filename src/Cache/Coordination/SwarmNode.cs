namespace DatasetCache.Coordination;

/// <summary>What the coordinator knows about one node in one plan.</summary>
internal sealed class SwarmNode(Peer peer, Guid session, long started, PieceSet held)
{
    public Peer Peer { get; set; } = peer;

    public Guid Session { get; } = session;

    /// <summary>Orders the sessions of a node; 0 where it is not known.</summary>
    public long Started { get; } = started;

    public PieceSet Held { get; } = held;

    /// <summary>What it goes by; null for a replica.</summary>
    public string? Manifest { get; init; }

    /// <summary>Has the whole entry; named by its replica, not by a download of its own.</summary>
    public bool IsReplica { get; init; }

    /// <summary>It wants nothing but what it names, piece by piece, and has no share in what is read for all.</summary>
    public bool IsReader { get; init; }

    /// <summary>Its download is over; it goes on serving.</summary>
    public bool IsSourceOnly { get; set; }

    public bool IsGone { get; set; }

    /// <summary>The manifest was contradicted while it was downloading.</summary>
    public bool IsSuperseded { get; set; }

    /// <summary>The newest report of it.</summary>
    public long Sequence { get; set; }

    /// <summary>The newest report that this coordinator answered; -1 before the first one.</summary>
    public long Replied { get; set; } = -1;

    public MemberReply? LastReply { get; set; }

    public TimeSpan Heard { get; set; }

    /// <summary>Pieces that it reads from the origin.</summary>
    public HashSet<int> Claims { get; } = [];

    /// <summary>Runs among <see cref="Claims"/>.</summary>
    public int OriginReads { get; set; }

    /// <summary>Pieces that it gets from others.</summary>
    public Dictionary<int, Download> Downloads { get; } = [];

    /// <summary>Runs among <see cref="Downloads"/>.</summary>
    public int Runs { get; set; }

    /// <summary>Runs that others get from it.</summary>
    public int Uploads { get; set; }

    public Dictionary<int, uint> Unproven { get; } = [];

    /// <summary>Pieces that it says it has and that others did not get from it, or not as they should be.</summary>
    public HashSet<int> Withdrawn { get; } = [];

    public Dictionary<int, int> Partial { get; } = [];

    /// <summary>Those of <see cref="Partial"/> that were not given to it yet, nor passed over.</summary>
    public Queue<int> PartialLeft { get; } = [];

    /// <summary>Given out by the last reply: back with it if that reply is lost.</summary>
    public List<int> GrantedClaims { get; } = [];

    public List<(int Piece, PeerRun Run)> GrantedDownloads { get; } = [];

    // What must reach the node: said again until a report shows that the reply arrived.
    public HashSet<int> Dropped { get; } = [];

    public HashSet<int> Proven { get; } = [];

    public HashSet<int> Refuted { get; } = [];

    /// <summary>Of its claims those that others wait for.</summary>
    public HashSet<int> Hurried { get; } = [];

    public TimeSpan NeighboursDue { get; set; }

    /// <summary>Sources that it could not use: until when it is not sent there, and how often that was so in a row.</summary>
    public Dictionary<string, (TimeSpan Until, int Times)> Avoids { get; } = [];

    public TimeSpan? MutedUntil { get; set; }

    public bool IsMuted => MutedUntil is not null;

    /// <summary>It is muted for what it sent, not for being out of reach.</summary>
    public bool IsLiar { get; set; }

    /// <summary>Who could not reach it since anybody last could, and when that was last tried.</summary>
    public Dictionary<string, TimeSpan> MissedBy { get; } = [];

    public TimeSpan MissedSince { get; set; }

    /// <summary>To whom it sent wrong bytes, and how many pieces.</summary>
    public Dictionary<string, int> LiedTo { get; } = [];

    public TimeSpan LastLie { get; set; }

    public bool Lacks(int piece) => !Held.Contains(piece) && !Downloads.ContainsKey(piece) && !Claims.Contains(piece) && !Unproven.ContainsKey(piece) && !Withdrawn.Contains(piece);
}

/// <summary>A run of pieces on its way from one node to another.</summary>
internal sealed class PeerRun(SwarmNode source, int left, TimeSpan since)
{
    public SwarmNode Source => source;

    public int Left { get; set; } = left;

    /// <summary>When it began, or last brought a piece.</summary>
    public TimeSpan Moved { get; set; } = since;
}

/// <summary>A piece on its way from a node, and where that is slow from a second one.</summary>
internal sealed class Download(PeerRun first)
{
    public PeerRun First => first;

    public PeerRun? Second { get; set; }

    public PeerRun? From(string node) => Second?.Source.Peer.Node == node ? Second : First.Source.Peer.Node == node ? First : null;
}
