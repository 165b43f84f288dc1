namespace DatasetCache.Integrity;

/// <summary>How much of the cache a call of the scrubber is to go through: so much that everything is, once in a period, if calls come as they came.</summary>
internal static class ScrubPace
{
    /// <summary>When nobody knows yet when the next call will come.</summary>
    public static readonly TimeSpan FirstStep = TimeSpan.FromHours(1);

    /// <summary>The cycle to work on now: the one under way, or the next.</summary>
    /// <param name="passed">The share that the one under way has gone through.</param>
    public static ScrubState Begin(ScrubState? state, bool all, double passed, TimeSpan period, DateTimeOffset now)
    {
        if (state is null)
            return Fresh(1, now, now - FirstStep, all);
        if (all)
            return state is { IsAll: true, Ended: null } ? state : Fresh(state.Cycle + 1, now, now, all: true);
        if (state.Ended is null)
            // A clock that was set back behind the beginning would have nothing due until it is there again.
            return state.Started > now ? state with { Started = now - (passed * period), LastCall = Earlier(state.LastCall, now) } : state;
        var next = state.Started + period;
        if (now < next && state.Started <= now)
            return state;
        // Who comes late catches up, but not with years.
        return Fresh(state.Cycle + 1, state.Started > now || now - next > period ? now : next, state.LastCall, all: false) with { Found = 0 };
    }

    /// <summary>The share that has to be gone through now: as of when the next call comes, if it comes after as long as this one.</summary>
    public static double Due(ScrubState state, TimeSpan period, DateTimeOffset now)
    {
        if (state.IsAll)
            return 1;
        var step = Clamp(now - state.LastCall, period);
        return Math.Clamp((now - state.Started + step) / period, 0, 1);
    }

    private static TimeSpan Clamp(TimeSpan step, TimeSpan most) => step < TimeSpan.Zero ? TimeSpan.Zero : step > most ? most : step;

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static ScrubState Fresh(long cycle, DateTimeOffset started, DateTimeOffset lastCall, bool all)
        => new() { Cycle = cycle, Started = started, LastCall = lastCall, IsAll = all };
}
