using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DatasetCache.Bench.Cluster.Hosts;

/// <summary>Connections that begin inside another network namespace. A socket stays in the one in which it was made, so one process can ask all nodes by one clock.</summary>
internal static partial class Namespace
{
    private const int NewNetwork = 0x40000000;

    public static HttpClient Http(string name, Uri address)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(30),
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = await SocketAsync(name);
                try
                {
                    socket.NoDelay = true;
                    await socket.ConnectAsync(IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port, cancellationToken);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        return new HttpClient(handler) { BaseAddress = address, Timeout = TimeSpan.FromMinutes(10) };
    }

    // A thread changes over and ends: nobody else runs on it afterwards.
    private static Task<Socket> SocketAsync(string name)
    {
        var made = new TaskCompletionSource<Socket>(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                using var file = File.OpenHandle("/var/run/netns/" + name);
                if (SetNamespace((int)file.DangerousGetHandle(), NewNetwork) != 0)
                    throw new Win32Exception(Marshal.GetLastPInvokeError());
                made.SetResult(new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            }
            catch (Exception e)
            {
                made.SetException(e);
            }
        }).Start();
        return made.Task;
    }

    [LibraryImport("libc", EntryPoint = "setns", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetNamespace(int file, int type);
}
