using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace DatasetCache.Bench.Files;

/// <summary>nginx over a folder, as well as it can: one worker a core, sendfile, keep-alive, no log.</summary>
internal sealed class NginxServer : IAsyncDisposable
{
    private readonly Process process;

    private NginxServer(Process process, string url) => (this.process, Url) = (process, url);

    public string Url { get; }

    public Target Target => new(Url, Token: null,
        [.. File.ReadAllText($"/proc/{process.Id}/task/{process.Id}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))]);

    public static async Task<NginxServer> StartAsync(string place, string folder)
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();
        var configuration = Path.Join(place, "nginx.conf");
        await File.WriteAllTextAsync(configuration, $$"""
            daemon off;
            worker_processes auto;
            pid {{place}}/nginx.pid;
            error_log {{place}}/nginx.log;
            {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
            events { worker_connections 1024; }
            http {
              access_log off;
              sendfile on;
              sendfile_max_chunk 2m;
              tcp_nodelay on;
              keepalive_requests 1000000000;
              client_body_temp_path {{place}}/nginx-body;
              proxy_temp_path {{place}}/nginx-proxy;
              fastcgi_temp_path {{place}}/nginx-fastcgi;
              uwsgi_temp_path {{place}}/nginx-uwsgi;
              scgi_temp_path {{place}}/nginx-scgi;
              server { listen 127.0.0.1:{{port}}; root {{folder}}; }
            }
            """);
        var process = Process.Start(new ProcessStartInfo("nginx", ["-c", configuration, "-e", Path.Join(place, "nginx.log")]))!;
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var socket = new TcpClient();
                await socket.ConnectAsync(IPAddress.Loopback, port);
                return new NginxServer(process, string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}"));
            }
            catch (SocketException) when (tries < 100)
            {
                await Task.Delay(50);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var stop = Process.Start("kill", [process.Id.ToString(CultureInfo.InvariantCulture)]);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
