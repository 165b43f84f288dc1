using System.Diagnostics.Metrics;
using DatasetCache.Coordination;

namespace DatasetCache.Telemetry;

/// <summary>What goes between nodes.</summary>
internal sealed class PeerInstruments
{
    public PeerInstruments(Meter meter, Func<long> sent, Func<int> openClaims)
    {
        meter.CreateObservableCounter("dataset_cache_peer_sent_bytes_total", sent, "By", "Bytes of pieces that this node gave to others.");
        meter.CreateObservableCounter("dataset_cache_peer_transfers_total", () => Transfers.Value, unit: null, "Runs of pieces read from other nodes, whatever came of it.");
        meter.CreateObservableCounter("dataset_cache_peer_errors_total", Errors.Observe, unit: null, "Runs of pieces that another node did not give, by reason.");
        meter.CreateObservableUpDownCounter("dataset_cache_open_claims", openClaims, unit: null, "Pieces that this node has been told to read from the origin for the cluster, and has not yet.");
    }

    public Count Transfers { get; } = new();

    public Counts<PieceFailure> Errors { get; } = new("reason");
}
