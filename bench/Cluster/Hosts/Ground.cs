using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>A cluster of <c>scripts/cluster</c> with the counting origin on the servers' host, and one host more for what stands between.</summary>
internal sealed class Ground : IAsyncDisposable
{
    public const string Bucket = "cluster";
    private const int OriginPort = 8000;
    private readonly Dictionary<int, string[]> environments = [];
    private readonly Process origin;
    private int datasets;

    private Ground(int nodes, string folder, Pace pace)
    {
        (Nodes, Folder) = (nodes, folder);
        Id = File.ReadAllText(Path.Combine(folder, "id")).Trim();
        origin = Process.Start(new ProcessStartInfo("ip", ["netns", "exec", NamespaceOf(0), Environment.ProcessPath!, "origin", AddressOf(0), OriginPort.ToString(CultureInfo.InvariantCulture), .. pace.Arguments])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        if (origin.StandardOutput.ReadLine() is not "ready")
            throw new InvalidOperationException("The origin did not start.");
        OriginLog = Namespace.Http(NamespaceOf(0), new Uri(OriginEndpoint));
    }

    public int Nodes { get; }

    /// <summary>The host after the nodes, on which nothing runs.</summary>
    public int Spare => Nodes + 1;

    public string Folder { get; }

    public string Id { get; }

    public HttpClient OriginLog { get; }

    public static string OriginEndpoint => $"http://{AddressOf(0)}:{OriginPort}";

    private static string Script => Path.Combine(Variable("BENCH_TOP"), "scripts/cluster");

    public static async Task<Ground> StartAsync(int nodes, Pace pace)
    {
        var folder = Variable("BENCH_CLUSTER");
        var started = Stopwatch.GetTimestamp();
        await CallAsync(folder, "up", Text(nodes), "--spare", "1", "--origin", OriginEndpoint, "--no-build");
        var ground = new Ground(nodes, folder, pace);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{nodes} nodes in {folder}, up in {Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s; resident: {ground.Resident()}"));
        return ground;
    }

    public static string AddressOf(int host) => string.Create(CultureInfo.InvariantCulture, $"10.77.0.{10 + host}");

    public string NamespaceOf(int host) => string.Create(CultureInfo.InvariantCulture, $"dscache-{Id}-{host}");

    /// <summary>Another dataset that nobody has seen yet.</summary>
    public MadeDataset Dataset(long bytes, int files) => new(files, bytes / files, $"{Id}{++datasets}");

    public Task ScriptAsync(params string[] arguments) => CallAsync(Folder, arguments);

    /// <param name="rate">As tc says it; null for as fast as the machine is.</param>
    public async Task LinksAsync(string? nodes, string? servers)
    {
        await ScriptAsync("link", "0", servers ?? "none");
        foreach (var host in Enumerable.Range(1, Spare))
            await ScriptAsync("link", Text(host), nodes ?? "none");
    }

    /// <summary>Bytes that have left the servers' host over its link so far, headers and all.</summary>
    public async Task<long> LeftOriginAsync()
    {
        using var links = JsonDocument.Parse(await OutputAsync(new ProcessStartInfo("ip", ["-n", NamespaceOf(0), "-s", "-j", "link", "show", "eth0"])));
        return links.RootElement[0].GetProperty("stats64").GetProperty("tx").GetProperty("bytes").GetInt64();
    }

    /// <summary>A command on a host, with a node's settings and nothing of ours.</summary>
    public async Task<ProcessStartInfo> OnAsync(int host, params string[] command)
    {
        if (!environments.TryGetValue(host, out var environment))
            environments[host] = environment = (await OutputAsync(new ProcessStartInfo(Script, ["run", Text(host), "env"]) { Environment = { ["DSCACHE_CLUSTER_DIR"] = Folder } })).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return new ProcessStartInfo("ip", ["netns", "exec", NamespaceOf(host), "env", "-i", .. environment, .. command]);
    }

    /// <summary>What it wrote to its output.</summary>
    /// <exception cref="InvalidOperationException">It failed; what it said is in the message.</exception>
    public static async Task<string> OutputAsync(ProcessStartInfo start, Action<int>? started = null)
    {
        start.RedirectStandardOutput = start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        started?.Invoke(process.Id);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? await output : throw new InvalidOperationException($"{string.Join(' ', start.ArgumentList)}: {await errors}");
    }

    /// <summary>Makes room again: every node evicts what it has.</summary>
    public async Task ClearAsync(params IEnumerable<int> nodes)
    {
        foreach (var node in nodes)
        {
            foreach (var link in Directory.EnumerateFileSystemEntries(JobOf(node)))
                File.Delete(link);
            await OutputAsync(await OnAsync(node, "dscache", "prune", "--all", "-y"));
        }
    }

    public string JobOf(int node) => Path.Combine(RootOf(node), "../jobs");

    public string RootOf(int node) => Path.Combine(Folder, "node" + Text(node), "cache");

    public int ProcessOf(int node) => int.Parse(File.ReadAllText(Path.Combine(Folder, "node" + Text(node), "pid")), CultureInfo.InvariantCulture);

    public string Resident()
    {
        var sizes = Enumerable.Range(1, Nodes).Select(node => File.ReadLines($"/proc/{ProcessOf(node)}/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal))
            .Select(text => long.Parse(text, CultureInfo.InvariantCulture) / 1024).ToArray();
        return string.Create(CultureInfo.InvariantCulture, $"{sizes.Sum()} MiB in all, {sizes.Max()} the largest");
    }

    public async ValueTask DisposeAsync()
    {
        origin.StandardInput.Close();
        await origin.WaitForExitAsync();
        origin.Dispose();
        OriginLog.Dispose();
        await ScriptAsync("down");
    }

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? throw new InvalidOperationException("Start it by bench/run cluster.");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static Task<string> CallAsync(string folder, params string[] arguments)
        => OutputAsync(new ProcessStartInfo(Script, arguments) { Environment = { ["DSCACHE_CLUSTER_DIR"] = folder, ["DOTNET_gcServer"] = "0" } });
}
