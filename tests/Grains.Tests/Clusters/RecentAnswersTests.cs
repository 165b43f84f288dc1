using Xunit;

namespace DatasetCache.Grains.Tests.Clusters;

public sealed class RecentAnswersTests
{
    private readonly Stopwatch time = new();
    private int asked;

    [Fact]
    public async Task An_answer_serves_for_its_time_and_a_failure_for_none()
    {
        var recent = new RecentAnswers<string, int>(time, TimeSpan.FromSeconds(5));
        Assert.Equal(1, await recent.Get("a", AskAsync));
        Assert.Equal(1, await recent.Get("a", AskAsync));
        Assert.Equal(2, await recent.Get("b", AskAsync));
        time.Pass(TimeSpan.FromSeconds(5));
        Assert.Equal(3, await recent.Get("a", AskAsync));
        await Assert.ThrowsAsync<InvalidOperationException>(() => recent.Get("c", () => Task.FromException<int>(new InvalidOperationException("ill"))));
        Assert.Equal(4, await recent.Get("c", AskAsync));
    }

    [Fact]
    public async Task However_many_things_are_asked_for_few_are_kept()
    {
        var recent = new RecentAnswers<int, int>(time, TimeSpan.FromSeconds(5));
        for (var i = 0; i < 100; i++)
        {
            await recent.Get(i, AskAsync);
            time.Pass(TimeSpan.FromMilliseconds(1));
        }
        Assert.Equal(100, await recent.Get(99, AskAsync));
        Assert.Equal(101, await recent.Get(0, AskAsync));
    }

    private Task<int> AskAsync() => Task.FromResult(++asked);

    private sealed class Stopwatch : TimeProvider
    {
        private long ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => ticks;

        public void Pass(TimeSpan time) => ticks += time.Ticks;
    }
}
