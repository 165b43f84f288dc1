using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Bench.OneHost;

/// <summary>The datasets of the races, bytes that do not compress.</summary>
public static class S3Data
{
    public const int SmallFiles = 2000;
    public const int SmallSize = 100 * 1024;
    public const int LargeFiles = 8;
    public const int LargeSize = 128 * 1024 * 1024;

    /// <summary>Every hundredth file of <c>changed</c> is what a later version changes.</summary>
    public const int ChangedEvery = 100;

    public static async Task<string> PutAsync(Ground ground)
    {
        var bucket = await ground.S3.CreateBucketAsync("bench");
        await ground.S3.PutAllAsync(bucket, Small("small", 0));
        await ground.S3.PutAllAsync(bucket, Small("changed", 0));
        // A folder's worth of metadata that stays.
        await ground.S3.PutAsync(bucket, "datasets/changed/classes.txt", "cat\ndog\n"u8.ToArray());
        for (var i = 0; i < LargeFiles; i++)
            await ground.S3.PutAsync(bucket, string.Create(CultureInfo.InvariantCulture, $"datasets/large/shard_{i}.tar"), MemoryOrigin.Bytes(i, LargeSize));
        return bucket;
    }

    /// <summary>Puts the next version of <c>changed</c>: 1 % of its images are others.</summary>
    public static Task ChangeAsync(Ground ground, int version) =>
        ground.S3.PutAllAsync(ground.Bucket, Small("changed", version).Where((_, i) => i % ChangedEvery == 0));

    private static IEnumerable<(string Key, ReadOnlyMemory<byte> Content)> Small(string dataset, int version) => Enumerable.Range(0, SmallFiles).Select(i =>
        (string.Create(CultureInfo.InvariantCulture, $"datasets/{dataset}/images/img_{i:d5}.jpg"), (ReadOnlyMemory<byte>)MemoryOrigin.Bytes(i + (version * SmallFiles), SmallSize)));
}
