using System.Diagnostics;
using System.Globalization;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>A node as a process of its own, in this network namespace or another. It ends with this process, whatever becomes of the test.</summary>
internal sealed class SiloProcess : DaemonProcess
{
    private readonly string root;

    private SiloProcess(string root, string? networkNamespace, ProcessStartInfo start)
        : base(start, TimeSpan.FromMinutes(2))
    {
        (this.root, NetworkNamespace) = (root, networkNamespace);
        Leftovers.Note(string.Create(CultureInfo.InvariantCulture, $"process {Id}"));
    }

    public string? NetworkNamespace { get; }

    public static SiloProcess Start(string root, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) => StartIn(null, root, environment, arguments);

    public static SiloProcess StartIn(string? networkNamespace, string root, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments)
    {
        Directory.CreateDirectory(root);
        var silo = Path.Combine(AppContext.BaseDirectory, "dscache-silo");
        // ip becomes the silo: the process has the same number.
        var start = new ProcessStartInfo(networkNamespace is null ? silo : "ip", networkNamespace is null ? arguments : ["netns", "exec", networkNamespace, silo, .. arguments]) { WorkingDirectory = root };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        start.Environment["DSCACHE_ROOT"] = root;
        return new SiloProcess(root, networkNamespace, start);
    }

    /// <summary>Its local API and the token for it, once it is ready.</summary>
    public async Task<HttpClient> ReadyAsync()
    {
        await HeardAsync(" is ready: ");
        var address = NodeLock.Find(root)!;
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectCallback = (to, cancel) => NetworkNamespaces.ConnectAsync(NetworkNamespace, to.DnsEndPoint, cancel) }) { BaseAddress = new Uri(address.Url!) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", await File.ReadAllTextAsync(address.TokenFile!));
        return client;
    }
}
