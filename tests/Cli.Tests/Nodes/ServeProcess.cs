using System.Diagnostics;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>A real <c>dscache serve</c> in the world of a <see cref="Dscache"/>, on a free port.</summary>
internal sealed class ServeProcess : DaemonProcess
{
    private ServeProcess(ProcessStartInfo start)
        : base(start, TimeSpan.FromMinutes(1))
    {
    }

    /// <summary>Starts it with what the world's environment says, on a port of its own.</summary>
    public static ServeProcess Begin(Dscache world, params string[] arguments)
    {
        var start = new ProcessStartInfo(Dscache.Program, ["serve", "--api-port", "0", .. arguments]) { WorkingDirectory = world.Folder };
        start.Environment.Clear();
        foreach (var (name, value) in world.Environment)
            start.Environment[name] = value;
        return new ServeProcess(start);
    }

    public static async Task<ServeProcess> StartAsync(Dscache world, params string[] arguments)
    {
        var server = Begin(world, arguments);
        await server.HeardAsync(" is ready: ");
        return server;
    }

    /// <summary>A client of its API that presents the node's token.</summary>
    public static HttpClient Client(Dscache world)
    {
        var address = NodeLock.Find(world.Environment["DSCACHE_ROOT"])!;
        var client = new HttpClient { BaseAddress = new Uri(address.Url!) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", File.ReadAllText(address.TokenFile!));
        return client;
    }
}
