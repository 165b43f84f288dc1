using System.Diagnostics.Metrics;
using System.Text;

namespace DatasetCache.Http.Metrics;

internal enum MetricKind
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>One instrument and what was measured with it, added up by labels.</summary>
internal sealed class MetricFamily
{
    /// <summary>Our labels have few values. Where somebody else's have many, those who come late are left away instead of filling the memory.</summary>
    private const int MostSeries = 1000;

    private static readonly double[] DefaultBounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

    private readonly Lock gate = new();
    private readonly Dictionary<int, MetricSeries> byHash = [];
    private readonly List<MetricSeries> series = [];
    private readonly double[] bounds = [];
    private readonly byte[][] boundTexts = [];
    private readonly bool adds;

    public MetricFamily(Instrument instrument)
    {
        Kind = instrument switch
        {
            Histogram<double> or Histogram<long> or Histogram<int> => MetricKind.Histogram,
            Counter<long> or Counter<int> or Counter<double> or ObservableCounter<long> or ObservableCounter<int> or ObservableCounter<double> => MetricKind.Counter,
            _ => MetricKind.Gauge,
        };
        // An observed value is the whole, the others are changes.
        adds = !instrument.IsObservable && instrument is not (Gauge<long> or Gauge<int> or Gauge<double>);
        Name = PrometheusName.Of(instrument.Name, instrument.Unit, Kind == MetricKind.Counter);
        Help = string.IsNullOrEmpty(instrument.Description) ? Name : instrument.Description;
        if (Kind != MetricKind.Histogram)
            return;
        bounds = instrument is Histogram<double> { Advice.HistogramBucketBoundaries: { Count: > 0 } advised } ? [.. advised] : DefaultBounds;
        boundTexts = [.. bounds.Select(bound => Encoding.UTF8.GetBytes(PrometheusText.Format(bound)))];
    }

    public string Name { get; }

    public string Help { get; }

    public MetricKind Kind { get; }

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var tag in tags)
            hash.Add(tag.Value);
        var key = hash.ToHashCode();
        lock (gate)
        {
            var found = byHash.GetValueOrDefault(key);
            while (found is not null && !found.Is(tags))
                found = found.Next;
            if (found is null)
            {
                if (series.Count == MostSeries)
                    return;
                found = new MetricSeries(tags, Kind == MetricKind.Histogram ? bounds.Length : -1) { Next = byHash.GetValueOrDefault(key) };
                byHash[key] = found;
                series.Add(found);
            }
            if (Kind == MetricKind.Histogram)
                found.Observe(value, bounds);
            else
                found.Value = adds ? found.Value + value : value;
        }
    }

    public void Write(ref PrometheusText text)
    {
        lock (gate)
        {
            if (series.Count == 0)
                return;
            text.Head(this);
            foreach (var one in series)
            {
                if (Kind == MetricKind.Histogram)
                    text.Histogram(Name, one, boundTexts);
                else
                    text.Sample(Name, one);
            }
        }
    }
}
