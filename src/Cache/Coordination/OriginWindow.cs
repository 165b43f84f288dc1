namespace DatasetCache.Coordination;

/// <summary>
/// How many reads the whole cache has open at the origin at a time, and how many pieces each is for. A narrow link must not be shared by a thousand reads, of which each then takes a thousand times
/// as long; a fat one must be filled. It grows as long as more reads bring more, as TCP's slow start does; where they only get slower, it shrinks to what brings as much (as TCP Vegas), and looks
/// again now and then. What a window brings is told by how long its own reads took (Little's law), so pauses between them, which are the nodes' and not the origin's, count for nothing.
/// </summary>
internal sealed class OriginWindow(CoordinatorOptions options)
{
    // Growing must bring this part of what it could: doubling that brings less than 40 % more is queueing.
    private const double WorthGrowing = 0.4;
    // Shrinking may cost this much of the rate: the clock of a busy host is no better.
    private const double WorthShrinking = 0.92;
    private const int RoundsToHold = 8;

    private Phase phase = Phase.Grow;
    private int previous;
    private double previousRate;
    private TimeSpan began;
    private int ended;
    private int brought;
    private TimeSpan spent;
    private double? pace;
    private int rounds;
    private bool wasFull;

    private enum Phase
    {
        Grow,
        Shrink,
        Hold,
    }

    public int Size { get; private set; } = options.OriginWindow;

    /// <summary>Reads under way.</summary>
    public int UnderWay { get; private set; }

    public int Free => Math.Max(0, Size - UnderWay);

    /// <summary>Pieces that one read should be for: so many that it is not mostly waiting for its first byte, so few that others have something soon.</summary>
    public int Run => pace is { } seconds ? (int)Math.Clamp(options.OriginReadTime.TotalSeconds / seconds, 1, options.OriginRun) : 1;

    public void Begin(TimeSpan now)
    {
        if (UnderWay++ == 0)
            Restart(now);
        wasFull |= UnderWay >= Size;
    }

    /// <param name="since">When it began.</param>
    /// <param name="pieces">What it brought.</param>
    public void End(TimeSpan since, int pieces, TimeSpan now)
    {
        UnderWay--;
        if (pieces == 0 || since < began)
            return;
        ended++;
        brought += pieces;
        spent += now - since;
        if (ended < Size)
            return;
        pace = Math.Max(0.000_001, spent.TotalSeconds / brought);
        // A window that nobody filled says nothing about the origin.
        if (wasFull)
            Judge(Size / pace.Value);
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
                if (Size == options.OriginWindow)
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
        Size = Math.Clamp(size, options.OriginWindow, options.OriginWindowMost);
    }

    private void Restart(TimeSpan now)
    {
        began = now;
        ended = 0;
        brought = 0;
        spent = TimeSpan.Zero;
        wasFull = UnderWay >= Size;
    }
}
