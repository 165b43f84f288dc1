using System.Diagnostics.Metrics;
using DatasetCache.Transfers;

namespace DatasetCache.Telemetry;

/// <summary>Bytes, by where they came from.</summary>
internal sealed class TransferInstruments
{
    private static readonly KeyValuePair<string, object?> Origin = new("source", "origin"), Peer = new("source", "peer"), Local = new("source", "local"), Memory = new("source", "memory");

    public TransferInstruments(Meter meter, TransferTotals totals, Func<long> local, Func<long> memory)
        => meter.CreateObservableCounter("dataset_cache_bytes_total",
            () => (Measurement<long>[])[new(totals.FromOrigin, Origin), new(totals.FromPeers, Peer), new(local(), Local), new(memory(), Memory)],
            "By", "Bytes that were needed, by where they came from: read from the origin, from other nodes, on this host already, or in memory.");
}
