namespace DatasetCache.Coordination;

/// <summary>Numbers for <see cref="MemberReport.Started"/> and <see cref="ManifestRequest.Number"/>: by the clock, so that they go up from one process to the next, and always up within one.</summary>
internal static class SessionStart
{
    private static long last;

    public static long Next(TimeProvider time)
    {
        while (true)
        {
            var before = Interlocked.Read(ref last);
            var next = Math.Max(before + 1, time.GetUtcNow().UtcTicks);
            if (Interlocked.CompareExchange(ref last, next, before) == before)
                return next;
        }
    }
}
