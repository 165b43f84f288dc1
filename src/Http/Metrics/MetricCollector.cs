using System.Buffers;
using System.Diagnostics.Metrics;

namespace DatasetCache.Http.Metrics;

/// <summary>Adds up what instruments measure, for whoever scrapes. What it keeps grows with the number of series and with nothing else.</summary>
internal sealed class MetricCollector : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly Lock gate = new();
    private readonly List<MetricFamily> families = [];

    /// <param name="wanted">Which instruments; those made later are asked about when they are made.</param>
    public MetricCollector(Func<Instrument, bool> wanted)
    {
        listener.InstrumentPublished = (instrument, to) =>
        {
            if (!wanted(instrument))
                return;
            var family = new MetricFamily(instrument);
            lock (gate)
            {
                families.Add(family);
                families.Sort((a, b) => string.CompareOrdinal(a.Name, b.Name));
            }
            to.EnableMeasurementEvents(instrument, family);
        };
        listener.SetMeasurementEventCallback<long>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.SetMeasurementEventCallback<int>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.SetMeasurementEventCallback<double>(static (_, value, tags, family) => ((MetricFamily)family!).Record(value, tags));
        listener.Start();
    }

    /// <summary>Writes everything as it is now.</summary>
    public void Write(IBufferWriter<byte> output, bool openMetrics)
    {
        // Two at once would observe at once; the second waits a millisecond.
        lock (gate)
        {
            try
            {
                listener.RecordObservableInstruments();
            }
            catch (AggregateException)
            {
                // Of those that failed what was seen last stands.
            }
            var text = new PrometheusText(output, openMetrics);
            foreach (var family in families)
                family.Write(ref text);
            text.End();
        }
    }

    public void Dispose() => listener.Dispose();
}
