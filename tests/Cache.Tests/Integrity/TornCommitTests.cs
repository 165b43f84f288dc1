using DatasetCache.Integrity;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>What a file system may leave of a commit that it had said yes to: the name is there, the bytes are not.</summary>
public sealed class TornCommitTests : HealingCase
{
    [FaultTheory(3)]
    [InlineData("empty", LargeSize)]
    [InlineData("a hole", Piece)]
    public async Task A_file_with_its_name_and_not_its_bytes_is_quarantined_and_fetched_again(string damage, long lost)
    {
        var fault = Fixture.Case(3);
        var cache = Fixture.Open(options => options with { Durable = true });
        await using var lease = await cache.AcquireAsync(Fixture.Request(1));
        var path = Path.Join(lease.SnapshotPath, "images/large.bin");
        Damage(path, damage);
        // By its size alone the one with a hole is what it should be.
        Assert.Equal(damage is "a hole" ? LargeSize : 0, new FileInfo(path).Length);
        fault.Fired();

        var found = (await cache.VerifyAsync(lease.CacheKey, new VerifyOptions { Heal = false }))!;
        Assert.Equal(VerifyOutcome.Withdrawn, found.Outcome);
        // Nobody new gets it as it is: whoever asks has it healed first.
        Fixture.Origin.ForgetServed();
        await using (var healed = await fault.HealsAsync(() => Fixture.Open().AcquireAsync(Fixture.Request(2))))
        {
            fault.HandedOut(healed.Path, Fixture.Contents(Files));
            Assert.Equal(lost, healed.BytesFromOrigin);
        }
        fault.Worst(lost, "bytes fetched again, all of them torn");
        fault.ReadOnce(Fixture.Origin.Repeated);
        Assert.NotEmpty(Directory.EnumerateFiles(Path.Join(Fixture.Root, "quarantine"), "large.bin", SearchOption.AllDirectories));
        fault.Kept(cache.Inspect(lease.CacheKey) is not null, lease.CacheKey);
        await Fixture.EndAsync(fault);
    }
}
