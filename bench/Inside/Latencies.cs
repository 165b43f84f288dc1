using System.Diagnostics;

namespace DatasetCache.Bench;

/// <summary>Single latencies in milliseconds, so that the slowest in a hundred shows.</summary>
public sealed class Latencies(int calls)
{
    private readonly List<double> taken = new(calls);

    public double Median => At(50);

    public double P99 => At(99);

    public double Mean => taken.Average();

    public double Max => taken.Max();

    public async Task MeasureAsync(Func<Task> call)
    {
        var start = Stopwatch.GetTimestamp();
        await call();
        taken.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    public void Measure(Action call)
    {
        var start = Stopwatch.GetTimestamp();
        call();
        taken.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }

    public void Add(double milliseconds) => taken.Add(milliseconds);

    private double At(int percent) => taken.Order().ElementAt(taken.Count * percent / 100);
}
