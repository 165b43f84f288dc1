namespace DatasetCache.Cache.Tests.Eviction;

/// <summary>A clock that a test sets. It starts at the real time, because the file system's times are real.</summary>
internal sealed class FakeTime : TimeProvider
{
    private DateTimeOffset now = System.GetUtcNow();

    public override DateTimeOffset GetUtcNow() => now;

    public void Advance(TimeSpan by) => now += by;
}
