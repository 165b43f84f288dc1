using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Bench.Scrub;

/// <summary>
/// A scrub without a cap against what can be had at most: the disk's speed (<c>cat</c> of the same files with a cold page cache) or the checksums' (all
/// cores), whichever is less, round by round.
/// </summary>
public static class ScrubSpeed
{
    private const double Least = 0.8;
    private const int Block = 4 << 20;

    /// <returns>Whether all are at 0.8 of it or more.</returns>
    public static async Task<bool> RunAsync(int rounds)
    {
        Console.WriteLine($"Scrub with the cap off, {rounds} rounds, medians; bound: {Least} of what disk and checksum allow.");
        Console.WriteLine();
        Console.WriteLine($"{"",-34} {"cat cold",9} {"checksum",9} {"scrub",9} {"MB/s",5}  of the possible");
        var kept = await RunAsync("4 files of 512 MiB", 4, 512 << 20, rounds);
        kept &= await RunAsync("8,000 files of 128 KiB", 8000, 128 << 10, rounds);
        Console.WriteLine();
        Console.WriteLine(kept ? "within the bound" : "MISSED the bound");
        return kept;
    }

    private static async Task<bool> RunAsync(string what, int files, int size, int rounds)
    {
        using var folder = new TempFolder(Environment.GetEnvironmentVariable("BENCH_DIR"));
        var origin = folder.CreateDirectory("origin");
        Fill(origin, files, size);
        await using var cache = LocalDatasetCache.Open(new CacheOptions { Root = folder["cache"], MinFree = DiskFloor.OfBytes(0), MaxSize = long.MaxValue / 2 }, new OriginFactory(new OriginOptions { Url = origin }));
        string key, tree;
        await using (var lease = await cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Selection = new Selection { Mode = SelectionMode.All } } }))
            (key, tree) = (lease.CacheKey, lease.SnapshotPath);
        Directory.Delete(origin, recursive: true);
        var bytes = (long)files * size;
        var kept = await MeasureAsync($"pieces, {what}", () => Checksum(bytes, buffer => Crc32C.Of(buffer)), reset: null);
        // ETags that look like MD5s make it digest every file; forgetting what came of it makes it do so each time.
        PretendMd5s(folder["cache"], key);
        return kept & await MeasureAsync($"and digests, {what}", () => Checksum(bytes, buffer => MD5.HashData(buffer).Length), () => File.Delete(Path.Combine(folder["cache"], "entries", key, "digests")));

        async Task<bool> MeasureAsync(string name, Func<double> checksum, Action? reset)
        {
            var (disks, sums, ours, ratios) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
            for (var round = -1; round < rounds; round++)
            {
                reset?.Invoke();
                Drop(tree);
                var disk = bytes / await CatAsync(tree) / 1e6;
                var sum = checksum();
                Drop(tree);
                var start = Stopwatch.GetTimestamp();
                var report = await cache.ScrubAsync(new ScrubOptions { All = true, Rate = 0 });
                var own = bytes / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e6;
                if (report.BytesRead != bytes || report.Broken.Count > 0)
                    throw new InvalidOperationException($"{report.BytesRead} bytes read of {bytes}, {report.Broken.Count} broken.");
                if (round < 0)
                    continue;
                disks.Add(disk);
                sums.Add(sum);
                ours.Add(own);
                ratios.Add(own / Math.Min(disk, sum));
            }
            var ratio = Median(ratios);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34} {Median(disks),9:0} {Median(sums),9:0} {Median(ours),9:0} {"",5}  {ratio:0.00} {(ratio >= Least ? "ok" : "MISSED")}"));
            return ratio >= Least;
        }
    }

    private static void Fill(string folder, int files, int size)
    {
        var block = MemoryOrigin.Bytes(1, Math.Min(size, Block));
        for (var i = 0; i < files; i++)
        {
            using var file = File.Create(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{i:d6}.bin")));
            for (var done = 0; done < size; done += block.Length)
            {
                BitConverter.TryWriteBytes(block, i + done);
                file.Write(block);
            }
        }
    }

    // All cores, as the scrubber has them.
    private static double Checksum(long bytes, Func<byte[], long> sum)
    {
        var buffers = Enumerable.Range(0, Environment.ProcessorCount).Select(i => MemoryOrigin.Bytes(i, Block)).ToArray();
        var each = (int)(bytes / Block / buffers.Length);
        var start = Stopwatch.GetTimestamp();
        Parallel.ForEach(buffers, buffer =>
        {
            for (var i = 0; i < each; i++)
                sum(buffer);
        });
        return (double)each * buffers.Length * Block / Stopwatch.GetElapsedTime(start).TotalSeconds / 1e6;
    }

    private static async Task<double> CatAsync(string tree)
    {
        var start = Stopwatch.GetTimestamp();
        using var cat = Process.Start("sh", ["-c", "find \"$1\" -type f -print0 | sort -z | xargs -0 cat > /dev/null", "cat", tree]);
        await cat.WaitForExitAsync();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Drop(string tree)
    {
        foreach (var path in Directory.EnumerateFiles(tree))
        {
            using var file = File.OpenHandle(path);
            _ = Syscalls.FAdvise((int)file.DangerousGetHandle(), 0, 0, Syscalls.AdviseDontNeed);
        }
    }

    private static void PretendMd5s(string path, string key)
    {
        using var root = CacheRoot.Open(path);
        using var entry = root.Entries.OpenDirectory(key);
        var lines = ManifestText.Read(entry, "manifest")!;
        var manifest = new Manifest(lines.Select(line => line.File with { ETag = new string('0', 32) }));
        var pieces = new Pieces(manifest);
        for (var i = 0; i < lines.Count; i++)
            pieces.CompleteAll(i, lines[i].Checksums);
        entry.Delete("manifest");
        using var file = entry.Create("manifest", 0x124);
        ManifestText.Write(file, manifest, pieces);
    }

    private static double Median(List<double> values)
    {
        values.Sort();
        return values[values.Count / 2];
    }
}
