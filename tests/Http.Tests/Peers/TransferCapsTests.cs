using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Tests.Peers;

public sealed class TransferCapsTests
{
    private const int Length = 4_000_000;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transfer_takes_as_long_as_its_limit_says(bool upload)
    {
        var time = new SteppedTime();
        await using var ground = Limited(upload ? new TransferLimits { UploadBytesPerSecond = 1_000_000 } : new TransferLimits { DownloadBytesPerSecond = 1_000_000 }, time);
        ground.Content.AddPiece(0, Length);
        await StepAsync(time, ground.ReadAsync(0, 1, Length));
        Assert.InRange(time.Passed.TotalSeconds, 3.7, 60);
    }

    [Fact]
    public async Task A_limit_changes_while_a_transfer_runs()
    {
        var time = new SteppedTime();
        await using var ground = Limited(new TransferLimits { UploadBytesPerSecond = 1024 }, time);
        ground.Content.AddPiece(0, Length);
        var reading = ground.ReadAsync(0, 1, Length);
        for (var i = 0; i < 50; i++)
        {
            time.Advance(TimeSpan.FromMilliseconds(20));
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
        Assert.False(reading.IsCompleted);
        // By the old one it would take an hour, and nobody moves the clock any more.
        ground.ServerCaps.Change(TransferLimits.Default);
        await reading;
    }

    [Fact]
    public async Task Who_finds_no_slot_is_turned_away_as_busy()
    {
        var time = new SteppedTime();
        await using var ground = Limited(new TransferLimits { MaxUploads = 1, MaxDownloads = 2 }, time);
        ground.Content.AddPiece(0, 10);
        await ground.ServerCaps.Uploads.EnterAsync(CancellationToken.None);
        var reading = ground.ReadAsync(0, 1, 10);
        var failure = await Assert.ThrowsAsync<PeerException>(() => StepAsync(time, reading));
        Assert.Equal(PieceFailure.Unreachable, failure.Failure);
        Assert.Contains("busy", failure.Message, StringComparison.Ordinal);
        ground.ServerCaps.Uploads.Leave();
        Assert.Equal(10, (await ground.ReadAsync(0, 1, 10)).Length);
        // It is let go a moment after the last byte.
        while (ground.ServerCaps.Uploads.Taken > 0)
            await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    // Time goes on in steps, and whoever it wakes has a moment to run.
    private static async Task StepAsync(SteppedTime time, Task task)
    {
        while (!task.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(25));
            await Task.WhenAny(task, Task.Delay(1, TestContext.Current.CancellationToken));
        }
        await task;
    }

    // Nobody is late by a clock that goes in leaps.
    private static PeerGround Limited(TransferLimits limits, SteppedTime time) => new(
        new PeerServerOptions { SendTimeout = TimeSpan.FromHours(1), HeadTimeout = TimeSpan.FromHours(1) },
        new PeerClientOptions { ConnectTimeout = TimeSpan.FromHours(1), StallTimeout = TimeSpan.FromHours(1), LeastBytesPerSecond = 0 },
        limits, time, time);
}
