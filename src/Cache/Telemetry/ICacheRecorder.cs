using DatasetCache.Coordination;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Transfers;

namespace DatasetCache.Telemetry;

/// <summary>
/// Is told by the engine what it does, for a daemon's metrics and traces. A command line has none, and then nothing of this folder is loaded. Called from hot paths by many
/// at once: nothing here waits or throws.
/// </summary>
internal interface ICacheRecorder
{
    /// <summary>Somebody asks for a dataset.</summary>
    IAcquireRecord Acquiring(AcquireRequest request);

    /// <summary>A dataset is put together, for however many wait for it.</summary>
    IDownloadRecord Downloading(string name, TransferMeter meter);

    /// <summary>A run of an object's bytes is read from the origin, in as many requests as it takes.</summary>
    ITransferRecord ReadingOrigin(string key, long offset, long length);

    /// <summary>A run of pieces is read from another node.</summary>
    ITransferRecord ReadingPeer(string node, int firstPiece, int count, long bytes);

    /// <summary>The origin was listed, or that failed.</summary>
    void Listed(TimeSpan took, OriginException? failure);

    /// <summary>A file of a download is here.</summary>
    void FileFetched(bool fromPeer);

    void LeaseBegan();

    /// <param name="expired">Nobody renewed it.</param>
    void LeaseEnded(bool expired);

    /// <summary>Something was done about an entry that was found broken.</summary>
    void Dealt(VerifyResult result);

    void Scrubbed(ScrubReport report);

    /// <summary>How many entries are withdrawn and wait to be healed.</summary>
    void Withdrawn(int entries);
}

/// <summary>One acquire.</summary>
internal interface IAcquireRecord
{
    /// <summary>It shares somebody else's download.</summary>
    void Joined();

    void Served(DatasetLease lease);

    void Failed(Exception e);
}

/// <summary>One download, from listing to publishing.</summary>
internal interface IDownloadRecord
{
    void Done(AcquireOutcome outcome);

    void Failed(Exception e);
}

/// <summary>One transfer; disposed of when it is over.</summary>
internal interface ITransferRecord : IDisposable
{
    /// <summary>An attempt begins.</summary>
    void Asking();

    /// <summary>The answer's head has come.</summary>
    void Answered();

    /// <summary>An attempt failed; it may be repeated.</summary>
    void Failed(OriginException e);

    void Failed(PieceFailure failure);
}
