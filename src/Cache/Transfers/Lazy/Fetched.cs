namespace DatasetCache.Transfers.Lazy;

/// <summary>Where a read had to wait for bytes from; of several the last in this order counts.</summary>
internal enum Fetched
{
    Nothing,
    FromPeer,
    FromOrigin,
}
