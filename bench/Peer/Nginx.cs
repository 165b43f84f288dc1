using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DatasetCache.Bench.Peer;

/// <summary>nginx over the same folder, as well as it can: one worker a core, sendfile, keep-alive, no log.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    // What /proc counts CPU time in.
    private const double TicksPerSecond = 100;
    private readonly Process process;
    private readonly string folder;

    private Nginx(Process process, string folder, int port) => (this.process, this.folder, Endpoint) = (process, folder, $"127.0.0.1:{port}");

    public string Endpoint { get; }

    public string SmallList => Path.Combine(folder, "small.curl");

    public static async Task<Nginx> StartAsync(string folder)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var configuration = Path.Combine(folder, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            daemon off;
            worker_processes auto;
            pid {{folder}}/nginx.pid;
            error_log {{folder}}/nginx.log;
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            events { worker_connections 1024; }
            http {
              access_log off;
              sendfile on;
              sendfile_max_chunk 2m;
              tcp_nodelay on;
              keepalive_requests 1000000;
              client_body_temp_path {{folder}}/nginx-body;
              proxy_temp_path {{folder}}/nginx-proxy;
              fastcgi_temp_path {{folder}}/nginx-fastcgi;
              uwsgi_temp_path {{folder}}/nginx-uwsgi;
              scgi_temp_path {{folder}}/nginx-scgi;
              server { listen 127.0.0.1:{{port}}; root {{folder}}; }
            }
            """);
        var process = Process.Start(new ProcessStartInfo("nginx", ["-c", configuration, "-e", Path.Combine(folder, "nginx.log")]))!;
        var nginx = new Nginx(process, folder, port);
        await File.WriteAllLinesAsync(nginx.SmallList, Enumerable.Range(0, Layout.SmallFiles).Select(i => $"url=\"http://{nginx.Endpoint}/{Layout.Small(i)}\"\noutput=\"/dev/null\""));
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return nginx;
            }
            catch (SocketException) when (tries < 100)
            {
                await Task.Delay(50);
            }
        }
    }

    /// <summary>Runs curl; its start is counted, about 10 ms.</summary>
    public (double Wall, double Received, double Sent) Curl(params string[] arguments)
    {
        var before = Cpu();
        // Those of our children that have ended and were waited for.
        var received = Ticks("self", 13);
        var begun = Stopwatch.GetTimestamp();
        using var curl = Process.Start(new ProcessStartInfo("curl", ["-sSf", "--no-progress-meter", .. arguments]))!;
        curl.WaitForExit();
        var wall = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        if (curl.ExitCode != 0)
            throw new InvalidOperationException("curl failed.");
        return (wall, Ticks("self", 13) - received, Cpu() - before);
    }

    public (double Wall, double Received, double Sent) Around(Func<(double Wall, double Received, double Sent)> run)
    {
        var before = Cpu();
        var result = run();
        return result with { Sent = Cpu() - before };
    }

    public async ValueTask DisposeAsync()
    {
        using var stop = Process.Start("kill", [process.Id.ToString(CultureInfo.InvariantCulture)]);
        await process.WaitForExitAsync();
        process.Dispose();
    }

    // The workers are children of the process.
    private double Cpu() => File.ReadAllText($"/proc/{process.Id}/task/{process.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Sum(id => Ticks(id, 11));

    // User and system time, one after the other from this field on, counted behind the name.
    private static double Ticks(string id, int field)
    {
        var fields = File.ReadAllText($"/proc/{id}/stat").Split(") ")[1].Split(' ');
        return (double.Parse(fields[field], CultureInfo.InvariantCulture) + double.Parse(fields[field + 1], CultureInfo.InvariantCulture)) / TicksPerSecond;
    }
}
