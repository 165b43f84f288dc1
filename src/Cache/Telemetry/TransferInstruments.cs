using System.Diagnostics.Metrics;

namespace DatasetCache.Telemetry;

/// <summary>Bytes, by where they came from.</summary>
internal sealed class TransferInstruments
{
    private static readonly KeyValuePair<string, object?> Origin = new("source", "origin"), Peer = new("source", "peer"), Local = new("source", "local"), Memory = new("source", "memory");

    public TransferInstruments(Meter meter, Count fromOrigin, Count fromPeers, Count local, Func<long> fromMemory)
        => meter.CreateObservableCounter("dataset_cache_bytes_total",
            () => (Measurement<long>[])[new(fromOrigin.Value, Origin), new(fromPeers.Value, Peer), new(local.Value, Local), new(fromMemory(), Memory)],
            "By", "Bytes that were needed, by where they came from: read from the origin, from other nodes, on this host already, or in memory.");
}
