using System.Diagnostics.Metrics;

namespace DatasetCache.Telemetry;

/// <summary>Who holds what, by number.</summary>
internal sealed class LeaseInstruments
{
    private static readonly KeyValuePair<string, object?> Freely = new("how", "released"), Lapsed = new("how", "expired");

    public LeaseInstruments(Meter meter, Func<int> held)
    {
        meter.CreateObservableUpDownCounter("dataset_cache_leases", held, unit: null, "Leases that processes hold of this node.");
        meter.CreateObservableCounter("dataset_cache_leases_granted_total", () => Granted.Value, unit: null, "Leases that began.");
        meter.CreateObservableCounter("dataset_cache_leases_ended_total", () => (Measurement<long>[])[new(Released.Value, Freely), new(Expired.Value, Lapsed)], unit: null,
            "Leases that ended: released, or expired because nobody renewed them.");
    }

    public Count Granted { get; } = new();

    public Count Released { get; } = new();

    public Count Expired { get; } = new();
}
