using DatasetCache.Coordination;

namespace DatasetCache.Grains;

/// <summary>What the engine and the grains' contracts call differently: one field for one field, both ways.</summary>
internal static class DatasetContracts
{
    public static PeerMessage ToMessage(this Peer peer) => new(peer.Node, peer.Endpoint);

    public static Peer ToPeer(this PeerMessage peer) => new(peer.Node, peer.Endpoint);

    public static EpochMessage ToMessage(this Epoch epoch) => new(epoch.Membership, epoch.Counter, epoch.Activation);

    public static Epoch ToEpoch(this EpochMessage epoch) => new(epoch.Membership, epoch.Counter, epoch.Activation);

    public static PieceSetMessage ToMessage(this PieceSet pieces) => new(pieces.Size, [.. pieces.Words]);

    public static PieceSet ToSet(this PieceSetMessage pieces) => new(pieces.Size, [.. pieces.Words]);

    public static ManifestRequestMessage ToMessage(this ManifestRequest request) => new()
    {
        From = request.From.ToMessage(),
        Seen = request.Seen.ToMessage(),
        Number = request.Number,
        Listed = request.Listed,
        ListedAge = request.ListedAge,
        Contradicted = request.Contradicted,
        Failed = request.Failed,
        MaxAge = request.MaxAge,
        JobId = request.JobId,
        IsNotice = request.IsNotice,
    };

    public static ManifestRequest ToRequest(this ManifestRequestMessage request) => new()
    {
        From = request.From.ToPeer(),
        Seen = request.Seen.ToEpoch(),
        Number = request.Number,
        Listed = request.Listed,
        ListedAge = request.ListedAge,
        Contradicted = request.Contradicted,
        Failed = request.Failed,
        MaxAge = request.MaxAge,
        JobId = request.JobId,
        IsNotice = request.IsNotice,
    };

    public static ManifestReplyMessage ToMessage(this ManifestReply reply) => new()
    {
        Epoch = reply.Epoch.ToMessage(),
        Decision = (ManifestDecisionMessage)reply.Decision,
        Digest = reply.Digest,
        Holders = [.. reply.Holders.Select(ToMessage)],
        Age = reply.Age,
        Pause = reply.Pause,
        LastFailure = reply.LastFailure,
    };

    public static ManifestReply ToReply(this ManifestReplyMessage reply) => new()
    {
        Epoch = reply.Epoch.ToEpoch(),
        Decision = (ManifestDecision)reply.Decision,
        Digest = reply.Digest,
        Holders = [.. reply.Holders.Select(ToPeer)],
        Age = reply.Age,
        Pause = reply.Pause,
        LastFailure = reply.LastFailure,
    };

    public static MemberReportMessage ToMessage(this MemberReport report) => new()
    {
        From = report.From.ToMessage(),
        Session = report.Session,
        Started = report.Started,
        HeldCount = report.HeldCount,
        Sequence = report.Sequence,
        Seen = report.Seen.ToMessage(),
        Manifest = report.Manifest,
        Plan = report.Plan,
        Pieces = report.Pieces,
        Held = report.Held?.ToMessage(),
        Checksums = [.. report.Checksums],
        Claims = [.. report.Claims],
        Partial = [.. report.Partial.Select(piece => new PartialPieceMessage(piece.Piece, piece.MissingBytes))],
        Completed = [.. report.Completed.Select(piece => new CompletedPieceMessage(piece.Piece, piece.Checksum, piece.Source))],
        Answered = report.Answered,
        Unproven = [.. report.Unproven.Select(piece => new CompletedPieceMessage(piece.Piece, piece.Checksum, piece.Source))],
        Failed = [.. report.Failed.Select(piece => new FailedPieceMessage(piece.Piece, piece.Source, (PieceFailureMessage)piece.Failure))],
        Slots = report.Slots,
        Leaves = report.Leaves,
        StaysAsSource = report.StaysAsSource,
        Urgent = [.. report.Urgent],
        OnlyUrgent = report.OnlyUrgent,
    };

    public static MemberReport ToReport(this MemberReportMessage report) => new()
    {
        From = report.From.ToPeer(),
        Session = report.Session,
        Started = report.Started,
        HeldCount = report.HeldCount,
        Sequence = report.Sequence,
        Seen = report.Seen.ToEpoch(),
        Manifest = report.Manifest,
        Plan = report.Plan,
        Pieces = report.Pieces,
        Held = report.Held?.ToSet(),
        Checksums = report.Checksums,
        Claims = report.Claims,
        Partial = [.. report.Partial.Select(piece => new PartialPiece(piece.Piece, piece.MissingBytes))],
        Completed = [.. report.Completed.Select(piece => new CompletedPiece(piece.Piece, piece.Checksum, piece.Source))],
        Answered = report.Answered,
        Unproven = [.. report.Unproven.Select(piece => new CompletedPiece(piece.Piece, piece.Checksum, piece.Source))],
        Failed = [.. report.Failed.Select(piece => new FailedPiece(piece.Piece, piece.Source, (PieceFailure)piece.Failure))],
        Slots = report.Slots,
        Leaves = report.Leaves,
        StaysAsSource = report.StaysAsSource,
        Urgent = report.Urgent,
        OnlyUrgent = report.OnlyUrgent,
    };

    public static MemberReplyMessage ToMessage(this MemberReply reply) => new()
    {
        Epoch = reply.Epoch.ToMessage(),
        Resync = reply.Resync,
        Superseded = reply.Superseded,
        Assignments = [.. reply.Assignments.Select(given => new AssignmentMessage(given.First, given.Count, given.Source?.ToMessage(), [.. given.Checksums]))],
        Sequence = reply.Sequence,
        Proven = [.. reply.Proven],
        Refuted = [.. reply.Refuted],
        Dropped = [.. reply.Dropped],
        Neighbours = [.. reply.Neighbours.Select(ToMessage)],
        Pause = reply.Pause,
        HopelessPiece = reply.HopelessPiece,
        Urgent = [.. reply.Urgent],
    };

    public static MemberReply ToReply(this MemberReplyMessage reply) => new()
    {
        Epoch = reply.Epoch.ToEpoch(),
        Resync = reply.Resync,
        Superseded = reply.Superseded,
        Assignments = [.. reply.Assignments.Select(given => new Assignment(given.First, given.Count, given.Source?.ToPeer(), given.Checksums))],
        Sequence = reply.Sequence,
        Proven = reply.Proven,
        Refuted = reply.Refuted,
        Dropped = reply.Dropped,
        Neighbours = [.. reply.Neighbours.Select(ToPeer)],
        Pause = reply.Pause,
        HopelessPiece = reply.HopelessPiece,
        Urgent = reply.Urgent,
    };

    public static ReplicaReportMessage ToMessage(this ReplicaReport report) => new()
    {
        From = report.From.ToMessage(),
        Seen = report.Seen.ToMessage(),
        CacheKey = report.CacheKey,
        Digest = report.Digest,
        Bytes = report.Bytes,
        Withdrawn = report.Withdrawn,
    };

    public static ReplicaReport ToReport(this ReplicaReportMessage report) => new()
    {
        From = report.From.ToPeer(),
        Seen = report.Seen.ToEpoch(),
        CacheKey = report.CacheKey,
        Digest = report.Digest,
        Bytes = report.Bytes,
        Withdrawn = report.Withdrawn,
    };

    public static ReplicaReplyMessage ToMessage(this ReplicaReply reply) => new(reply.Epoch.ToMessage(), reply.Others);

    public static ReplicaReply ToReply(this ReplicaReplyMessage reply) => new(reply.Epoch.ToEpoch(), reply.Others);

    public static EvictionRequestMessage ToMessage(this EvictionRequest request) => new(request.From.ToMessage(), request.Seen.ToMessage(), request.Redundant);

    public static EvictionRequest ToRequest(this EvictionRequestMessage request) => new(request.From.ToPeer(), request.Seen.ToEpoch(), request.Redundant);

    public static EvictionReplyMessage ToMessage(this EvictionReply reply) => new(reply.Epoch.ToMessage(), reply.Granted, reply.Others);

    public static EvictionReply ToReply(this EvictionReplyMessage reply) => new(reply.Epoch.ToEpoch(), reply.Granted, reply.Others);

    public static NodeHoldingMessage ToMessage(this NodeHolding holding) => new()
    {
        From = holding.From.ToMessage(),
        Seen = holding.Seen.ToMessage(),
        Replica = holding.Replica?.ToMessage(),
        Listing = holding.Listing,
        ListingAge = holding.ListingAge,
        Downloads = [.. holding.Downloads.Select(ToMessage)],
    };

    public static NodeHolding ToHolding(this NodeHoldingMessage holding) => new()
    {
        From = holding.From.ToPeer(),
        Seen = holding.Seen.ToEpoch(),
        Replica = holding.Replica?.ToReport(),
        Listing = holding.Listing,
        ListingAge = holding.ListingAge,
        Downloads = [.. holding.Downloads.Select(ToReport)],
    };

    public static DatasetState ToMessage(this Coordination.DatasetState state, string silo, TimeSpan age) => new()
    {
        Key = state.Key,
        Silo = silo,
        Epoch = $"{state.Epoch.Membership}.{state.Epoch.Counter}.{state.Epoch.Activation:N}",
        Age = age,
        IsLearning = state.IsLearning,
        LiveNodes = state.LiveNodes,
        Listing = state.Listing,
        ListingAge = state.ListingAge,
        Lister = state.Lister,
        Evicting = state.Evicting,
        ReplicaCount = state.ReplicaCount,
        Replicas = [.. state.Replicas.Select(each => new DatasetReplica(each.Node, each.Endpoint, each.CacheKey, each.Digest, each.Bytes))],
        PlanCount = state.PlanCount,
        Plans = [.. state.Plans.Select(plan => new DatasetPlan
        {
            Plan = plan.Plan,
            Pieces = plan.Pieces,
            Covered = plan.Covered,
            OriginClaims = plan.OriginClaims,
            MemberCount = plan.MemberCount,
            Members = [.. plan.Members.Select(member => new DatasetMember(member.Node, member.Held, member.OriginClaims, member.Silence))],
        })],
    };
}
