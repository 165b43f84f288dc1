using System.Diagnostics;
using DatasetCache.Coordination;
using DatasetCache.Origins;

namespace DatasetCache.Telemetry;

/// <summary>One run of bytes as it is counted and traced.</summary>
internal sealed class TransferRecord : ITransferRecord
{
    private readonly OriginInstruments? origin;
    private readonly PeerInstruments? peers;
    private readonly TimeProvider time;
    private readonly Activity? activity;
    private long asked;

    private TransferRecord(OriginInstruments? origin, PeerInstruments? peers, TimeProvider time, Activity? activity)
        => (this.origin, this.peers, this.time, this.activity, asked) = (origin, peers, time, activity, time.GetTimestamp());

    public static TransferRecord FromOrigin(OriginInstruments origin, TimeProvider time, string key, long offset, long length)
    {
        var activity = CacheActivities.Source.StartActivity("piece.origin", ActivityKind.Client);
        activity?.SetTag("object.key", key).SetTag("object.offset", offset).SetTag("object.length", length);
        return new TransferRecord(origin, null, time, activity);
    }

    public static TransferRecord FromPeer(PeerInstruments peers, TimeProvider time, string node, int firstPiece, int count, long bytes)
    {
        peers.Transfers.Add();
        var activity = CacheActivities.Source.StartActivity("piece.peer", ActivityKind.Client);
        activity?.SetTag("peer.node", node).SetTag("piece.first", firstPiece).SetTag("piece.count", count).SetTag("piece.bytes", bytes);
        return new TransferRecord(null, peers, time, activity);
    }

    public void Asking()
    {
        asked = time.GetTimestamp();
        // What an attempt before came to is an event of the whole.
        activity?.SetStatus(ActivityStatusCode.Unset);
    }

    public void Answered() => origin?.Answered(time.GetElapsedTime(asked));

    public void Failed(OriginException e)
    {
        origin?.Errors.Add(e.Failure);
        activity.Fail(e);
        activity?.AddEvent(new ActivityEvent(e.Failure.ToString()));
    }

    public void Failed(PieceFailure failure)
    {
        peers?.Errors.Add(failure);
        activity?.SetStatus(ActivityStatusCode.Error, failure.ToString());
    }

    public void Dispose() => activity?.Dispose();
}
