namespace DatasetCache.Coordination;

// What nodes and a dataset's coordinator say to each other. Immutable; numbers, names and addresses only. Each is a node's own call: the coordinator never calls back
// but to ask what a node holds (NodeHolding).

/// <summary>A node of the cluster and where its data plane listens (host:port).</summary>
internal sealed record Peer(string Node, string Endpoint);

/// <summary>What a node asks when it does not know what the dataset consists of, or has just found out.</summary>
internal sealed record ManifestRequest
{
    public required Peer From { get; init; }

    /// <summary>The highest epoch that this node heard of for this dataset.</summary>
    public required Epoch Seen { get; init; }

    /// <summary>Orders the requests of a node: one with a lower number than another that came before it was overtaken (<see cref="SessionStart"/>). 0: not known.</summary>
    public long Number { get; init; }

    /// <summary>The listing that this node holds now and hands to others; null for none. Who was told to list says so with this.</summary>
    public string? Listed { get; init; }

    /// <summary>How long ago the origin said so, as far as this node knows. 0 for what was listed just now.</summary>
    public TimeSpan ListedAge { get; init; }

    /// <summary>A manifest that the origin contradicted (412, another ETag): nobody shall be told to take it again.</summary>
    public string? Contradicted { get; init; }

    /// <summary>Who was told to list could not: why, in words. Somebody else is asked next.</summary>
    public string? Failed { get; init; }

    /// <summary>How old a listing may be; null for any age (a snapshot never changes). 0 asks the origin again.</summary>
    public TimeSpan? MaxAge { get; init; }

    /// <summary>All ranks of one job get the version that the first got.</summary>
    public string? JobId { get; init; }

    /// <summary>Not asking for anything to do: only handing on what is said above.</summary>
    public bool IsNotice { get; init; }
}

internal enum ManifestDecision
{
    /// <summary>Somebody else is listing: ask again after <see cref="ManifestReply.Pause"/>.</summary>
    Wait,
    /// <summary>List the origin, and say what you found or that you could not. The claim lapses like any other.</summary>
    ListOrigin,
    /// <summary>Take the listing from one of the holders; the pieces are shared while they are fetched.</summary>
    TakeListing,
    /// <summary>The holders have the whole entry: take their manifest, which has the pieces' checksums, and the pieces from them.</summary>
    TakeReplica,
}

internal sealed record ManifestReply
{
    public required Epoch Epoch { get; init; }

    public required ManifestDecision Decision { get; init; }

    /// <summary>SHA-256 (64 hex digits) of the manifest document to take.</summary>
    public string? Digest { get; init; }

    public IReadOnlyList<Peer> Holders { get; init; } = [];

    /// <summary>How long ago the origin said so, as far as the coordinator knows.</summary>
    public TimeSpan Age { get; init; }

    public TimeSpan Pause { get; init; }

    /// <summary>Why the last one that was told to list could not, until somebody can.</summary>
    public string? LastFailure { get; init; }
}

/// <summary>
/// What a node that downloads says: once in full when it joins or is asked to (<see cref="Held"/> is set), then what changed. Also its heartbeat and its question for work.
/// </summary>
internal sealed record MemberReport
{
    public required Peer From { get; init; }

    /// <summary>This download of this node; another after a restart, so that claims of the dead one are known to be dead.</summary>
    public required Guid Session { get; init; }

    /// <summary>Orders the sessions of a node: of two the one with the higher number is the newer (<see cref="SessionStart"/>). 0: not known.</summary>
    public long Started { get; init; }

    /// <summary>Counts up from 1. What arrives late or twice is known by it.</summary>
    public required long Sequence { get; init; }

    /// <summary>
    /// Number of the newest report of this session whose reply came here; 0 for none. What a reply gave out and that never came is known to be lost by it.
    /// Each report says again all that changed since that one.
    /// </summary>
    public long Answered { get; init; }

    public required Epoch Seen { get; init; }

    /// <summary>Digest of the manifest document that the plan is made from: who goes by one that the origin has contradicted starts over.</summary>
    public required string Manifest { get; init; }

    /// <summary>Digest of the piece plan, and how many pieces it has: only nodes with the same plan share pieces.</summary>
    public required string Plan { get; init; }

    public required int Pieces { get; init; }

    /// <summary>In full: all pieces that are here and were checked.</summary>
    public PieceSet? Held { get; init; }

    /// <summary>In full: the checksums of the held pieces, in the order of their numbers.</summary>
    public IReadOnlyList<uint> Checksums { get; init; } = [];

    /// <summary>In full: pieces that this node is reading from the origin right now.</summary>
    public IReadOnlyList<int> Claims { get; init; } = [];

    /// <summary>In full: pieces of which a part is here (files of an older version): who lacks least should read the rest.</summary>
    public IReadOnlyList<PartialPiece> Partial { get; init; } = [];

    public IReadOnlyList<CompletedPiece> Completed { get; init; } = [];

    /// <summary>Pieces that came from a neighbour while nobody could tell what they must be (<see cref="MemberReply.Proven"/>, <see cref="MemberReply.Refuted"/>). In full: all of them.</summary>
    public IReadOnlyList<CompletedPiece> Unproven { get; init; } = [];

    public IReadOnlyList<FailedPiece> Failed { get; init; } = [];

    /// <summary>How many pieces are here and known to be right: where the coordinator counts otherwise, it asks for all of them.</summary>
    public int? HeldCount { get; init; }

    /// <summary>How many more pieces it would start on now.</summary>
    public int Slots { get; init; }

    /// <summary>Pieces that somebody waits for on this node and that are not on their way to it, in the order of waiting. Every report says all of them.</summary>
    public IReadOnlyList<int> Urgent { get; init; } = [];

    /// <summary>It wants nothing but <see cref="Urgent"/>: its dataset is read piece by piece.</summary>
    public bool OnlyUrgent { get; init; }

    /// <summary>It gives up, or is done: its claims go back. What it holds it goes on serving if <see cref="StaysAsSource"/>.</summary>
    public bool Leaves { get; init; }

    public bool StaysAsSource { get; init; }
}

internal readonly record struct PartialPiece(int Piece, int MissingBytes);

/// <param name="Piece">Which piece is here and was checked.</param>
/// <param name="Checksum">CRC32C over the CRC32Cs (4 bytes each, little-endian) of the file pieces that it consists of.</param>
/// <param name="Source">The node it came from; null for the origin.</param>
internal readonly record struct CompletedPiece(int Piece, uint Checksum, string? Source);

/// <param name="Source">The node that was asked; null for the origin.</param>
internal readonly record struct FailedPiece(int Piece, string? Source, PieceFailure Failure);

internal enum PieceFailure
{
    /// <summary>The node was not there, broke off, or was too slow.</summary>
    Unreachable,
    /// <summary>It does not have the piece (any more).</summary>
    NotHeld,
    /// <summary>It sent something else than was promised.</summary>
    WrongBytes,
    /// <summary>The origin failed after all retries. Everybody who waits for this piece fails with it in the end.</summary>
    Origin,
    /// <summary>Not tried, or given up by the node itself.</summary>
    Returned,
}

internal sealed record MemberReply
{
    public required Epoch Epoch { get; init; }

    /// <summary>The <see cref="MemberReport.Sequence"/> that this answers.</summary>
    public long Sequence { get; init; }

    /// <summary>The coordinator does not know this session as it stands: report in full, at once.</summary>
    public bool Resync { get; init; }

    /// <summary>The manifest is no longer what the origin has: start over with <see cref="ManifestRequest"/>.</summary>
    public bool Superseded { get; init; }

    public IReadOnlyList<Assignment> Assignments { get; init; } = [];

    /// <summary>Pieces that this node reads or waits for and need not: another has brought them, or the claim lapsed.</summary>
    public IReadOnlyList<int> Dropped { get; init; } = [];

    /// <summary>Pieces of <see cref="MemberReport.Unproven"/> that are what the origin has.</summary>
    public IReadOnlyList<int> Proven { get; init; } = [];

    /// <summary>Pieces that this node has and that are not what the origin has: they must be fetched anew, and not be served.</summary>
    public IReadOnlyList<int> Refuted { get; init; } = [];

    /// <summary>Some of the others, for when no coordinator answers.</summary>
    public IReadOnlyList<Peer> Neighbours { get; init; } = [];

    /// <summary>Report again no later than after this, and at once when something was done.</summary>
    public TimeSpan Pause { get; init; }

    /// <summary>Why a piece cannot be had from the origin; the download fails with it.</summary>
    public int? HopelessPiece { get; init; }

    /// <summary>Pieces that this node reads from the origin and that another waits for: before the rest.</summary>
    public IReadOnlyList<int> Urgent { get; init; } = [];
}

/// <param name="First">First of <paramref name="Count"/> consecutive pieces.</param>
/// <param name="Source">Whom to ask; null for the origin, which nobody else asks for these pieces.</param>
/// <param name="Checksums">One per piece where they are known: what the bytes must have. Empty for the origin.</param>
internal sealed record Assignment(int First, int Count, Peer? Source, IReadOnlyList<uint> Checksums);

/// <summary>A node says that it holds the whole entry, or no longer.</summary>
internal sealed record ReplicaReport
{
    public required Peer From { get; init; }

    public required Epoch Seen { get; init; }

    public required string CacheKey { get; init; }

    /// <summary>SHA-256 of the entry's manifest document.</summary>
    public required string Digest { get; init; }

    public required long Bytes { get; init; }

    public bool Withdrawn { get; init; }
}

internal sealed record ReplicaReply(Epoch Epoch, int Others);

/// <summary>A node wants to evict its replica. Granted to one node at a time, so that two do not each count on the other's.</summary>
/// <param name="Redundant">It counts on another holding it; false where it goes whatever others hold.</param>
internal sealed record EvictionRequest(Peer From, Epoch Seen, bool Redundant);

internal sealed record EvictionReply(Epoch Epoch, bool Granted, int Others);

/// <summary>What a node answers to a new coordinator, or to one that has not heard from it for long.</summary>
internal sealed record NodeHolding
{
    public required Peer From { get; init; }

    /// <summary>The highest epoch that this node heard of for this dataset.</summary>
    public required Epoch Seen { get; init; }

    public ReplicaReport? Replica { get; init; }

    /// <summary>A listing that it can hand out, and how old.</summary>
    public string? Listing { get; init; }

    public TimeSpan ListingAge { get; init; }

    /// <summary>Its downloads of this dataset, in full.</summary>
    public IReadOnlyList<MemberReport> Downloads { get; init; } = [];
}
