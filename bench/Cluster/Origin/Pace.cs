using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>A store far away: how long it takes to its first byte, and how fast one connection gets the rest.</summary>
/// <param name="BytesASecond">None: as fast as the link is.</param>
internal sealed record Pace(TimeSpan FirstByte, double? BytesASecond)
{
    public static Pace None { get; } = new(TimeSpan.Zero, BytesASecond: null);

    public override string ToString() => this == None ? "" : string.Create(CultureInfo.InvariantCulture, $", the origin's first byte after {FirstByte.TotalMilliseconds} ms{(BytesASecond is { } rate ? $", {rate / 1e6:0} MB/s a connection" : "")}");

    public IEnumerable<string> Arguments => [FirstByte.TotalMilliseconds.ToString(CultureInfo.InvariantCulture), (BytesASecond ?? 0).ToString(CultureInfo.InvariantCulture)];

    public static Pace Parse(string firstByte, string bytesASecond) =>
        new(TimeSpan.FromMilliseconds(double.Parse(firstByte, CultureInfo.InvariantCulture)), double.Parse(bytesASecond, CultureInfo.InvariantCulture) is > 0 and var rate ? rate : null);

    public Task BeginAsync(CancellationToken cancellationToken) => FirstByte > TimeSpan.Zero ? Task.Delay(FirstByte, cancellationToken) : Task.CompletedTask;

    /// <summary>Waits until so much may have been sent.</summary>
    /// <param name="since">When the first byte was.</param>
    public Task KeepAsync(long sent, long since, CancellationToken cancellationToken)
    {
        var ahead = BytesASecond is { } rate ? TimeSpan.FromSeconds(sent / rate) - Stopwatch.GetElapsedTime(since) : TimeSpan.Zero;
        return ahead > TimeSpan.Zero ? Task.Delay(ahead, cancellationToken) : Task.CompletedTask;
    }
}
