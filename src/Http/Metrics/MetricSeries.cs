using System.Globalization;
using System.Text;

namespace DatasetCache.Http.Metrics;

/// <summary>The values of one set of labels. Its family's lock is held wherever it is touched.</summary>
internal sealed class MetricSeries
{
    private readonly KeyValuePair<string, object?>[] tags;
    private readonly long[]? buckets;

    public MetricSeries(ReadOnlySpan<KeyValuePair<string, object?>> tags, int bounds)
    {
        this.tags = tags.ToArray();
        buckets = bounds < 0 ? null : new long[bounds + 1];
        Labels = Encoding.UTF8.GetBytes(string.Join(',', this.tags.Select(tag => $"{PrometheusName.OfLabel(tag.Key)}=\"{Escape(tag.Value)}\"")));
    }

    /// <summary>Another whose labels have the same hash.</summary>
    public MetricSeries? Next { get; init; }

    /// <summary><c>name="value",…</c>, escaped.</summary>
    public byte[] Labels { get; }

    /// <summary>Of a histogram the sum.</summary>
    public double Value { get; set; }

    /// <summary>How many measurements fell into each bucket; the last is above all bounds.</summary>
    public ReadOnlySpan<long> Buckets => buckets;

    public bool Is(ReadOnlySpan<KeyValuePair<string, object?>> others)
    {
        if (others.Length != tags.Length)
            return false;
        for (var i = 0; i < tags.Length; i++)
        {
            if (!string.Equals(others[i].Key, tags[i].Key, StringComparison.Ordinal) || !Equals(others[i].Value, tags[i].Value))
                return false;
        }
        return true;
    }

    public void Observe(double value, ReadOnlySpan<double> bounds)
    {
        // "le": a value on a bound is within it.
        var at = bounds.BinarySearch(value);
        buckets![at < 0 ? ~at : at]++;
        Value += value;
    }

    private static string Escape(object? value) => (Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")
        .Replace("\\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
}
