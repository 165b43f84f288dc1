using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Bench.Files;

/// <summary>Files over HTTP, by wrk, beside nginx with the same files from the same disk, one after the other in each round.</summary>
public static class FileRates
{
    private const int Small = 2000, SmallBytes = 100 * 1024, Large = 4, LargeBytes = 128 * 1024 * 1024;
    private const double LeastDisk = 0.35, LeastMemory = 0.6, LeastLarge = 0.9;

    /// <returns>Whether all bounds were kept.</returns>
    public static async Task<bool> RunAsync(int rounds)
    {
        var place = Directory.CreateTempSubdirectory("files-bench-").FullName;
        try
        {
            var (root, folder) = (Path.Join(place, "cache"), Path.Join(place, "origin"));
            await MakeAsync(Path.Join(folder, "set"));
            var snapshot = await FillAsync(root, folder);
            await using var nginx = await NginxServer.StartAsync(place, snapshot);
            var key = Path.GetFileName(snapshot);
            var (smallPaths, largePaths) = (Enumerable.Range(0, Small).Select(i => $"/s{i}.bin").ToArray(), Enumerable.Range(0, Large).Select(i => $"/l{i}.bin").ToArray());
            var kept = true;
            // Each of ours beside nginx in the same round.
            await using (var disk = await FileServer.StartAsync(root, folder, memory: 0))
            {
                var ours = disk.Target(key);
                kept &= await CompareAsync("100 KiB from the disk's cache (L2)", LeastDisk, nginx.Target, ours, smallPaths, connections: 32, rounds);
                kept &= await CompareAsync("128 MiB", LeastLarge, nginx.Target, ours, largePaths, connections: 4, rounds);
            }
            await using (var memory = await FileServer.StartAsync(root, folder, memory: 256 * 1024 * 1024))
                kept &= await CompareAsync("100 KiB from memory (L1)", LeastMemory, nginx.Target, memory.Target(key), smallPaths, connections: 32, rounds);
            return kept;
        }
        finally
        {
            foreach (var folder in Directory.EnumerateDirectories(place, "*", SearchOption.AllDirectories))
                File.SetUnixFileMode(folder, (UnixFileMode)0x1C0);
            Directory.Delete(place, recursive: true);
        }
    }

    private static async Task<bool> CompareAsync(string what, double least, Target nginx, Target ours, string[] paths, int connections, int rounds)
    {
        await Wrk.RunAsync(ours, paths, connections, seconds: 3);
        await Wrk.RunAsync(nginx, paths, connections, seconds: 1);
        List<Rate> theirs = [], mine = [];
        for (var round = 0; round < rounds; round++)
        {
            theirs.Add(await Wrk.RunAsync(nginx, paths, connections, seconds: 4));
            mine.Add(await Wrk.RunAsync(ours, paths, connections, seconds: 4));
        }
        // The median of the rounds' ratios: what else the machine does hits both.
        var ratios = mine.Zip(theirs, (a, b) => a.BytesPerSecond / b.BytesPerSecond).Order().ToArray();
        var ratio = ratios[ratios.Length / 2];
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: {Median(mine, r => r.Requests):0} requests/s, {Median(mine, r => r.BytesPerSecond) / 1e9:0.00} GB/s, {Median(mine, r => r.CpuPerGigabyte):0.00} CPU s/GB; nginx {Median(theirs, r => r.Requests):0}, {Median(theirs, r => r.BytesPerSecond) / 1e9:0.00}, {Median(theirs, r => r.CpuPerGigabyte):0.00}; ratio {ratio:0.00} ({ratios[0]:0.00} to {ratios[^1]:0.00}; bound {least})"));
        return ratio >= least;
    }

    private static double Median(List<Rate> rates, Func<Rate, double> of) => rates.Select(of).Order().ElementAt(rates.Count / 2);

    private static async Task MakeAsync(string folder)
    {
        Directory.CreateDirectory(folder);
        var random = new Random(5);
        var bytes = new byte[LargeBytes];
        random.NextBytes(bytes);
        for (var i = 0; i < Large; i++)
            await File.WriteAllBytesAsync(Path.Join(folder, $"l{i}.bin"), bytes);
        for (var i = 0; i < Small; i++)
            await File.WriteAllBytesAsync(Path.Join(folder, $"s{i}.bin"), bytes.AsMemory(i * 1000, SmallBytes));
    }

    private static async Task<string> FillAsync(string root, string folder)
    {
        await using var server = await FileServer.StartAsync(root, folder, memory: 0);
        using var client = new HttpClient { BaseAddress = new Uri(server.Url) };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", NodeToken.Read(Path.Join(root, NodeToken.FileName)));
        while (true)
        {
            using var body = new StringContent($$"""{"ticket":"fill","dataset":{"origin":"{{folder}}/set","snapshotId":"files","select":"all"},"wait":5}""", System.Text.Encoding.UTF8, "application/json");
            using var response = await client.PostAsync("/v1/acquire", body);
            using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
            response.EnsureSuccessStatusCode();
            if (answer.RootElement.GetProperty("state").GetString() is "done")
                return answer.RootElement.GetProperty("dataset").GetProperty("snapshotPath").GetString()!;
        }
    }

    private sealed class FileServer : IAsyncDisposable
    {
        private readonly Process process;
        private readonly string root;

        private FileServer(Process process, string root, string url) => (this.process, this.root, Url) = (process, root, url);

        public string Url { get; }

        public Target Target(string key) => new($"{Url}/v1/datasets/{key}/files", NodeToken.Read(Path.Join(root, NodeToken.FileName)), [process.Id]);

        public static async Task<FileServer> StartAsync(string root, string folder, long memory)
        {
            var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["serve", root, folder, memory.ToString(CultureInfo.InvariantCulture)])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                UseShellExecute = false,
            })!;
            return new FileServer(process, root, (await process.StandardOutput.ReadLineAsync())!);
        }

        public async ValueTask DisposeAsync()
        {
            process.StandardInput.Close();
            await process.WaitForExitAsync();
            process.Dispose();
        }
    }
}
