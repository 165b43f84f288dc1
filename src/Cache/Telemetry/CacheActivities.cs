using System.Diagnostics;

namespace DatasetCache.Telemetry;

/// <summary>Traces: one source for all caches of a process. Where nobody listens an activity is null and costs nothing.</summary>
internal static class CacheActivities
{
    public const string SourceName = "DatasetCache";

    public static ActivitySource Source { get; } = new(SourceName);

    public static void Fail(this Activity? activity, Exception e)
    {
        if (activity is null)
            return;
        // The message is for people and may name paths; the code says what kind it is.
        activity.SetTag("error.type", e is DatasetCacheException known ? known.Code.ToString() : e.GetType().Name);
        activity.SetStatus(ActivityStatusCode.Error, e is DatasetCacheException ? e.Message : e.GetType().Name);
    }
}
