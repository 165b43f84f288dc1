using System.Buffers;
using System.Globalization;
using System.Text;

namespace DatasetCache.Http.Metrics;

/// <summary>Writes Prometheus' text format 0.0.4, or OpenMetrics 1.0.0, which differs in little.</summary>
internal readonly ref struct PrometheusText(IBufferWriter<byte> output, bool openMetrics)
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";
    public const string OpenMetricsType = "application/openmetrics-text";
    public const string OpenMetricsContentType = OpenMetricsType + "; version=1.0.0; charset=utf-8";

    public static string Format(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    public void Head(MetricFamily family)
    {
        // OpenMetrics names a counter's family without its suffix.
        var name = openMetrics && family.Kind == MetricKind.Counter ? family.Name.AsSpan(0, family.Name.Length - "_total".Length) : family.Name;
        Put("# HELP "u8);
        Put(name);
        Put(" "u8);
        Put(family.Help.Replace("\\", @"\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal));
        Put("\n# TYPE "u8);
        Put(name);
        Put(family.Kind switch { MetricKind.Counter => " counter\n"u8, MetricKind.Histogram => " histogram\n"u8, _ => " gauge\n"u8 });
    }

    public void Sample(string name, MetricSeries series)
    {
        Put(name);
        Labels(series.Labels);
        Value(series.Value);
    }

    public void Histogram(string name, MetricSeries series, byte[][] bounds)
    {
        var below = 0L;
        for (var i = 0; i <= bounds.Length; i++)
        {
            below += series.Buckets[i];
            Put(name);
            Put("_bucket{"u8);
            Put(series.Labels);
            Put(series.Labels.Length > 0 ? ",le=\""u8 : "le=\""u8);
            Put(i < bounds.Length ? bounds[i] : "+Inf"u8);
            Put("\"}"u8);
            Value(below);
        }
        Put(name);
        Put("_sum"u8);
        Labels(series.Labels);
        Value(series.Value);
        Put(name);
        Put("_count"u8);
        Labels(series.Labels);
        Value(below);
    }

    public void End()
    {
        if (openMetrics)
            Put("# EOF\n"u8);
    }

    private void Labels(byte[] labels)
    {
        if (labels.Length == 0)
            return;
        Put("{"u8);
        Put(labels);
        Put("}"u8);
    }

    private void Value(double value)
    {
        var room = output.GetSpan(34);
        room[0] = (byte)' ';
        // "R" of infinity is a word of its own in .NET; nothing here is infinite.
        value.TryFormat(room[1..], out var length, "R", CultureInfo.InvariantCulture);
        room[length + 1] = (byte)'\n';
        output.Advance(length + 2);
    }

    private void Put(ReadOnlySpan<byte> bytes) => output.Write(bytes);

    private void Put(ReadOnlySpan<char> text) => Encoding.UTF8.GetBytes(text, output);
}
