using System.Diagnostics;
using System.Globalization;

namespace DatasetCache.Bench.Peer;

/// <summary>All contestants in turn, round by round; ratios are medians of the rounds' own.</summary>
internal static class Race
{
    private static readonly Dictionary<string, List<(double Wall, double Received, double Sent)>> Runs = new(StringComparer.Ordinal);

    public static async Task<bool> RunAsync(int rounds)
    {
        var folder = Directory.CreateDirectory(Path.Combine(Environment.GetEnvironmentVariable("BENCH_DIR") ?? Path.GetTempPath(), Path.GetRandomFileName())).FullName;
        Layout.Make(folder);
        Sender.Certified(folder);
        await using var nginx = await Nginx.StartAsync(folder);
        using var sender = Child.Start("serve", folder);
        using var secure = Child.Start("serve", folder, "tls");
        var endpoint = sender.Line();
        using var reader = Child.Start("read", endpoint, nginx.Endpoint, folder);
        using var secureReader = Child.Start("read", secure.Line(), nginx.Endpoint, folder, "tls");
        for (var round = 0; round < rounds; round++)
        {
            // To and fro, so that nobody always follows the same one.
            var contestants = Contestants(nginx, sender, reader, secure, secureReader);
            foreach (var (name, run) in round % 2 == 0 ? contestants : contestants.Reverse())
            {
                await Process.Start("sync")!.WaitForExitAsync();
                if (!Runs.TryGetValue(name, out var runs))
                    Runs[name] = runs = [];
                runs.Add(run());
            }
        }
        Directory.Delete(folder, recursive: true);
        return Print(rounds);
    }

    private static IEnumerable<(string Name, Func<(double, double, double)> Run)> Contestants(Nginx nginx, Child sender, Child reader, Child secure, Child secureReader)
    {
        yield return ("nginx to curl, one file", () => nginx.Curl("-o", "/dev/null", $"http://{nginx.Endpoint}/whole"));
        yield return ("ours, discarded", () => Ours("large"));
        yield return ("nginx to curl, 8 files, 4 at once", () => nginx.Curl(["-Z", "--parallel-max", "4", "--parallel-immediate", .. Enumerable.Range(0, Layout.LargeFiles).SelectMany(i => new[] { "-o", "/dev/null", $"http://{nginx.Endpoint}/{Layout.Large(i)}" })]));
        yield return ("ours, read by HttpClient", () => Ours("large-http"));
        yield return ("ours over TLS, discarded", () => secureReader.Timed("large", secure));
        yield return ("plain writing", () => Writing("plain"));
        yield return ("ours, checked and to disk", () => Writing("disk"));
        yield return ("plain writing, synced", () => Writing("plain-synced"));
        yield return ("ours, to disk, synced", () => Writing("disk-synced"));
        yield return ("small: ours, in pieces", () => Ours("small"));
        yield return ("small: ours, one GET a file", () => Ours("small-each"));
        yield return ("small: nginx to HttpClient, one GET a file", () => nginx.Around(() => reader.Timed("small-http", sender)));
        yield return ("small: nginx to curl, one GET a file", () => nginx.Curl("-Z", "--parallel-max", "4", "--parallel-immediate", "-K", nginx.SmallList));
        yield return ("small: ours, in pieces, one at a time", () => Ours("small 1"));
        yield return ("small: ours, one GET a file, one at a time", () => Ours("small-each 1"));
        yield return ("64 MiB in files of 4 KiB: ours, in pieces", () => Ours("tiny"));

        (double, double, double) Ours(string command) => reader.Timed(command, sender);

        // Memory that a virtual machine gave back to its host is slow to come by: whoever writes first after a while would pay for the others.
        (double, double, double) Writing(string command)
        {
            reader.Timed("plain", sender);
            return Ours(command);
        }
    }

    private static bool Print(int rounds)
    {
        Console.WriteLine($"1 GiB between two processes on loopback, 4 requests at once, runs of 4 pieces of 1 MiB; 2,000 files of 100 KiB. Medians of {rounds}; in brackets the least and the most. Load at the end: {File.ReadAllText("/proc/loadavg").Trim()}");
        Console.WriteLine($"  {"",-44} {"wall s",-22} {"CPU s receiving",-22} CPU s sending");
        foreach (var (name, runs) in Runs)
            Console.WriteLine($"  {name,-44} {Spread(runs.Select(run => run.Wall)),-22} {Spread(runs.Select(run => run.Received)),-22} {Spread(runs.Select(run => run.Sent))}");
        var kept = AtLeast("discarded, of nginx to curl (one file)", Ratio("nginx to curl, one file", "ours, discarded"), 0.9);
        kept &= AtLeast("to disk with checksums, synced, of plain writing, synced", Ratio("plain writing, synced", "ours, to disk, synced"), 0.8);
        kept &= AtMost("CPU s a GiB sending", Median(Runs["ours, checked and to disk"].Select(run => run.Sent)), 0.5);
        kept &= AtMost("CPU s a GiB receiving, with checksum and disk", Median(Runs["ours, checked and to disk"].Select(run => run.Received)), 1.2);
        kept &= AtLeast("small files in pieces, of one GET a file", Ratio("small: ours, one GET a file", "small: ours, in pieces"), 3);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"         for information: one request at a time, small files in pieces {Ratio("small: ours, one GET a file, one at a time", "small: ours, in pieces, one at a time"):0.00}x of one GET a file"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"         for information: small files in pieces {Ratio("small: nginx to curl, one GET a file", "small: ours, in pieces"):0.00}x of nginx to curl, {Ratio("small: nginx to HttpClient, one GET a file", "small: ours, in pieces"):0.00}x of nginx to HttpClient; to disk, not synced, {Ratio("plain writing", "ours, checked and to disk"):0.00}x of plain writing; TLS {Ratio("ours, discarded", "ours over TLS, discarded"):0.00}x of plain; HttpClient {Ratio("ours, discarded", "ours, read by HttpClient"):0.00}x"));
        return kept;
    }

    // How many times as fast as the other: the median of the rounds.
    private static double Ratio(string other, string ours) => Median(Runs[other].Zip(Runs[ours], (theirs, own) => theirs.Wall / own.Wall));

    private static bool AtLeast(string what, double value, double bound) => Say(value >= bound, $"{what}: {value.ToString("0.00", CultureInfo.InvariantCulture)}, at least {bound.ToString(CultureInfo.InvariantCulture)}");

    private static bool AtMost(string what, double value, double bound) => Say(value <= bound, $"{what}: {value.ToString("0.00", CultureInfo.InvariantCulture)}, at most {bound.ToString(CultureInfo.InvariantCulture)}");

    private static bool Say(bool kept, string words)
    {
        Console.WriteLine($"  {(kept ? "ok    " : "MISSED")} {words}");
        return kept;
    }

    private static string Spread(IEnumerable<double> values) => string.Create(CultureInfo.InvariantCulture, $"{Median(values),6:0.000} [{values.Min():0.00} {values.Max():0.00}]");

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
