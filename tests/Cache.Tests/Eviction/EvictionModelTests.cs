using System.Globalization;
using FsCheck;
using FsCheck.Fluent;

namespace DatasetCache.Cache.Tests.Eviction;

/// <summary>Random lives of a cache against a simple model of what must be there and what may be there.</summary>
public sealed class EvictionModelTests
{
    private const int StepsPerLife = 100;

    /// <summary>DSCACHE_TEST_MODEL_STEPS: how many operations in all. DSCACHE_TEST_MODEL_SEED: the two numbers that a failure printed.</summary>
    private static int Steps => int.TryParse(Environment.GetEnvironmentVariable("DSCACHE_TEST_MODEL_STEPS"), CultureInfo.InvariantCulture, out var steps) ? steps
        : FaultCase.IsLong ? 1_000_000 : 100_000;

    [Fault(18)]
    public void Nothing_protected_goes_and_no_byte_is_over_the_quota_whatever_happens_in_whatever_order()
    {
        var seed = Environment.GetEnvironmentVariable("DSCACHE_TEST_MODEL_SEED")?.Split(',').Select(part => ulong.Parse(part, CultureInfo.InvariantCulture)).ToArray()
            ?? [(ulong)Random.Shared.NextInt64(), (ulong)Random.Shared.NextInt64() | 1];
        TestContext.Current.TestOutputHelper?.WriteLine($"DSCACHE_TEST_MODEL_SEED={seed[0]},{seed[1]}");
        var fault = new FaultCase(18) { Seed = $"DSCACHE_TEST_MODEL_SEED={seed[0]},{seed[1]} DSCACHE_TEST_MODEL_STEPS={Steps}" };
        var lives = Gen.ArrayOf(Gen.Choose(0, int.MaxValue), StepsPerLife).ToArbitrary();
        var (misses, evictions, refusals, crashes, done) = (0, 0, 0, 0, 0);
        var property = Prop.ForAll(lives, life =>
        {
            using var model = new ModelCache();
            foreach (var step in life)
                model.Step(step);
            (misses, evictions, refusals, crashes, done) = (misses + model.Misses, evictions + model.Evictions, refusals + model.Refusals, crashes + model.Crashes, done + life.Length);
        });
        try
        {
            Check.One(Config.QuickThrowOnFailure.WithMaxTest(Math.Max(1, Steps / StepsPerLife)).WithReplay(seed[0], seed[1]).WithQuietOnSuccess(true), property);
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"DSCACHE_TEST_MODEL_SEED={seed[0]},{seed[1]} fails again: {e.Message}", e);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{done} steps: {misses} downloads, {evictions} evictions, {refusals} refusals, {crashes} crashes");
        Assert.True(misses > done / 200 && evictions > done / 400 && refusals > 0 && crashes > 0, $"the model does too little: {misses} {evictions} {refusals} {crashes} of {done}");
        // The model itself looks after each step: what is protected is there (I3), no byte is over the quota.
        fault.Fired(evictions + crashes);
        fault.Kept(isThere: true, "whatever was leased, linked, held or pinned");
        fault.Worst(0, "bytes over quota");
        fault.End();
    }
}
