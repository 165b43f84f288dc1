namespace DatasetCache.Grains;

[GenerateSerializer, Immutable, Alias("dscache.member.report")]
public sealed record MemberReportMessage
{
    [Id(0)]
    public required PeerMessage From { get; init; }

    [Id(1)]
    public required Guid Session { get; init; }

    [Id(2)]
    public required long Sequence { get; init; }

    [Id(3)]
    public required EpochMessage Seen { get; init; }

    [Id(4)]
    public required string Plan { get; init; }

    [Id(5)]
    public required int Pieces { get; init; }

    [Id(6)]
    public PieceSetMessage? Held { get; init; }

    [Id(7)]
    public ImmutableArray<uint> Checksums { get; init; } = [];

    [Id(8)]
    public ImmutableArray<int> Claims { get; init; } = [];

    [Id(9)]
    public ImmutableArray<PartialPieceMessage> Partial { get; init; } = [];

    [Id(10)]
    public ImmutableArray<CompletedPieceMessage> Completed { get; init; } = [];

    [Id(11)]
    public ImmutableArray<FailedPieceMessage> Failed { get; init; } = [];

    [Id(12)]
    public int Slots { get; init; }

    [Id(13)]
    public bool Leaves { get; init; }

    [Id(14)]
    public bool StaysAsSource { get; init; }

    [Id(15)]
    public long Answered { get; init; }

    [Id(16)]
    public ImmutableArray<CompletedPieceMessage> Unproven { get; init; } = [];

    [Id(17)]
    public int? HeldCount { get; init; }

    [Id(18)]
    public long Started { get; init; }

    [Id(19)]
    public required string Manifest { get; init; }

    [Id(20)]
    public ImmutableArray<int> Urgent { get; init; } = [];

    [Id(21)]
    public bool OnlyUrgent { get; init; }
}

[GenerateSerializer, Immutable, Alias("dscache.piece.partial")]
public readonly record struct PartialPieceMessage([property: Id(0)] int Piece, [property: Id(1)] int MissingBytes);

[GenerateSerializer, Immutable, Alias("dscache.piece.completed")]
public readonly record struct CompletedPieceMessage([property: Id(0)] int Piece, [property: Id(1)] uint Checksum, [property: Id(2)] string? Source);

[GenerateSerializer, Immutable, Alias("dscache.piece.failed")]
public readonly record struct FailedPieceMessage([property: Id(0)] int Piece, [property: Id(1)] string? Source, [property: Id(2)] PieceFailureMessage Failure);

[GenerateSerializer, Alias("dscache.piece.failure")]
public enum PieceFailureMessage
{
    Unreachable = 0,
    NotHeld = 1,
    WrongBytes = 2,
    Origin = 3,
    Returned = 4,
}

[GenerateSerializer, Immutable, Alias("dscache.member.reply")]
public sealed record MemberReplyMessage
{
    [Id(0)]
    public required EpochMessage Epoch { get; init; }

    [Id(1)]
    public bool Resync { get; init; }

    [Id(2)]
    public bool Superseded { get; init; }

    [Id(3)]
    public ImmutableArray<AssignmentMessage> Assignments { get; init; } = [];

    [Id(4)]
    public ImmutableArray<int> Dropped { get; init; } = [];

    [Id(5)]
    public ImmutableArray<PeerMessage> Neighbours { get; init; } = [];

    [Id(6)]
    public TimeSpan Pause { get; init; }

    [Id(7)]
    public int? HopelessPiece { get; init; }

    [Id(8)]
    public long Sequence { get; init; }

    [Id(9)]
    public ImmutableArray<int> Proven { get; init; } = [];

    [Id(10)]
    public ImmutableArray<int> Refuted { get; init; } = [];

    [Id(11)]
    public ImmutableArray<int> Urgent { get; init; } = [];
}

[GenerateSerializer, Immutable, Alias("dscache.assignment")]
public sealed record AssignmentMessage(
    [property: Id(0)] int First, [property: Id(1)] int Count, [property: Id(2)] PeerMessage? Source, [property: Id(3)] ImmutableArray<uint> Checksums);
