namespace DatasetCache.Coordination;

/// <summary>
/// How many pieces the whole cache reads from the origin at a time. A narrow link must not be shared by a thousand reads, of which each then takes a thousand times as long; a fat one
/// must be filled. It grows as long as more reads bring more, as TCP's slow start does; where they only get slower, it shrinks to what brings as much (as TCP Vegas), and looks again now and then.
/// </summary>
internal sealed class OriginWindow(CoordinatorOptions options)
{
    // Growing must bring this part of what it could: doubling that brings less than 40 % more is queueing.
    private const double WorthGrowing = 0.4;
    // Shrinking may cost this much of the rate: the clock of a busy host is no better.
    private const double WorthShrinking = 0.92;
    private const int RoundsToHold = 8;
    // So many tell a rate; where they take long, so many as the window has: the noise of a busy host is small then, and nodes wait for what they can pass on.
    private const int Enough = 8;
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(0.5);

    private Phase phase = Phase.Grow;
    private int previous;
    private double previousRate;
    private TimeSpan began = TimeSpan.MinValue;
    private int completed;
    private int rounds;
    private bool wasFull;

    private enum Phase
    {
        Grow,
        Shrink,
        Hold,
    }

    public int Size { get; private set; } = Math.Clamp(options.OriginWindow, options.OriginWindowLeast, options.OriginWindowMost);

    /// <summary>Pieces under way.</summary>
    public int UnderWay { get; private set; }

    public int Free => Math.Max(0, Size - UnderWay);

    public void Granted(TimeSpan now)
    {
        if (UnderWay++ == 0)
            Restart(now);
        wasFull |= UnderWay >= Size;
    }

    /// <summary>A read ended without bringing the piece.</summary>
    public void GivenBack() => UnderWay--;

    public void Completed(TimeSpan now)
    {
        UnderWay--;
        var took = now - began;
        if (++completed < (took < Long ? Math.Max(Enough, Size) : Size))
            return;
        var rate = completed / Math.Max(0.001, took.TotalSeconds);
        // A window that nobody filled says nothing about the origin.
        if (wasFull)
            Judge(rate);
        Restart(now);
    }

    private void Judge(double rate)
    {
        switch (phase)
        {
            case Phase.Grow when previous == 0 || rate > previousRate * (1 + (WorthGrowing * ((double)Size / previous - 1))):
                Become(Size * 2, rate);
                break;
            case Phase.Grow:
                Size = previous;
                previousRate = Math.Max(rate, previousRate);
                phase = Phase.Shrink;
                break;
            case Phase.Shrink when rate >= previousRate * WorthShrinking:
                if (Size == options.OriginWindowLeast)
                    Hold(rate);
                else
                    Become(Size * 2 / 3, Math.Max(rate, previousRate * 0.98));
                break;
            case Phase.Shrink:
                Size = Math.Max(Size, previous);
                Hold(rate);
                break;
            case Phase.Hold when ++rounds >= RoundsToHold:
                phase = Phase.Grow;
                Become(Size + Math.Max(1, Size / 2), rate);
                break;
            default:
                break;
        }
    }

    private void Hold(double rate)
    {
        phase = Phase.Hold;
        rounds = 0;
        previousRate = rate;
    }

    private void Become(int size, double rate)
    {
        previous = Size;
        previousRate = rate;
        Size = Math.Clamp(size, options.OriginWindowLeast, options.OriginWindowMost);
    }

    private void Restart(TimeSpan now)
    {
        began = now;
        completed = 0;
        wasFull = UnderWay >= Size;
    }
}
