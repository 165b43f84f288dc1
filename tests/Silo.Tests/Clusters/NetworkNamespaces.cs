using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DatasetCache.Silo.Tests;

/// <summary>Connections out of a network namespace that this process is not in. A socket belongs to the one in which it was made.</summary>
internal static partial class NetworkNamespaces
{
    private const int NewNetwork = 0x4000_0000;

    public static bool CanBeMade => Environment.IsPrivilegedProcess && File.Exists("/usr/sbin/ip") && File.Exists("/usr/sbin/iptables");

    public static async ValueTask<Stream> ConnectAsync(string? name, DnsEndPoint to, CancellationToken cancellationToken)
    {
        var socket = name is null ? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) : SocketOf(name);
        try
        {
            await socket.ConnectAsync(IPAddress.Parse(to.Host), to.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // On a thread of its own: it stays in that namespace until it ends.
    private static Socket SocketOf(string name)
    {
        Socket? socket = null;
        var error = 0;
        var thread = new Thread(() =>
        {
            using var file = File.OpenHandle($"/run/netns/{name}");
            if (Enter(file.DangerousGetHandle().ToInt32(), NewNetwork) != 0)
                error = Marshal.GetLastPInvokeError();
            else
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        });
        thread.Start();
        thread.Join();
        return socket ?? throw new InvalidOperationException($"Network namespace {name} cannot be entered: error {error}.");
    }

    /// <summary>Runs a command and throws with what it said, unless it succeeds.</summary>
    public static async Task RunAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("bash", ["-c", command]) { UseShellExecute = false, RedirectStandardError = true })!;
        var said = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{command}: {said}");
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    private static partial int Enter(int file, int kind);
}
