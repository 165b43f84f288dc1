using System.Diagnostics;
using System.Net.Sockets;
using DatasetCache.Bench.Cluster.Hosts;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster.Rivals;

/// <summary>nginx on a host of its own in front of the origin: proxy_cache with proxy_cache_lock, in slices of 1 MiB so that nobody waits for a whole file; the nodes read from it with curl.</summary>
internal sealed class CachingProxy(Ground ground) : IRival
{
    private const int Port = 8080;

    public string Name => "nginx proxy_cache, curl";

    public async Task<double[]> CopyAsync(MadeDataset dataset, int nodes, Meter meter)
    {
        var folder = Directory.CreateDirectory(Path.Combine(ground.Folder, "nginx")).FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), Configuration(folder));
        using var nginx = Process.Start(await ground.OnAsync(ground.Spare, "nginx", "-c", Path.Combine(folder, "nginx.conf"), "-e", Path.Combine(folder, "log")))!;
        meter.Watch(nginx.Id, ground.Spare);
        try
        {
            await AnsweringAsync();
            var commands = await Task.WhenAll(Enumerable.Range(1, nodes).Select(node => CurlAsync(dataset, node)));
            return await Commands.TimeAllAsync(commands, meter);
        }
        finally
        {
            using var stop = Process.Start("kill", [nginx.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await nginx.WaitForExitAsync();
            Directory.Delete(folder, recursive: true);
        }
    }

    public Task ClearAsync(MadeDataset dataset, int nodes)
    {
        for (var node = 1; node <= nodes; node++)
            Commands.Remove(FolderOf(node), dataset);
        return Task.CompletedTask;
    }

    private string FolderOf(int node) => Path.Combine(ground.Folder, $"node{node}", "curl");

    private async Task<ProcessStartInfo> CurlAsync(MadeDataset dataset, int node)
    {
        Directory.CreateDirectory(FolderOf(node));
        var list = Path.Combine(ground.Folder, $"node{node}", "curl.list");
        await File.WriteAllLinesAsync(list, Enumerable.Range(0, dataset.Files).Select(file => $"url=\"http://{Ground.AddressOf(ground.Spare)}:{Port}/{Ground.Bucket}/{dataset.Key(file)}\"\noutput=\"{FolderOf(node)}/{file}.bin\""));
        return await ground.OnAsync(node, "curl", "-sSf", "--no-progress-meter", "-Z", "--parallel-max", dataset.FileSize < 1 << 20 ? "32" : "8", "--parallel-immediate", "-K", list);
    }

    private async Task AnsweringAsync()
    {
        using var http = Namespace.Http(ground.NamespaceOf(ground.Spare), new Uri($"http://{Ground.AddressOf(ground.Spare)}:{Port}"));
        for (var tries = 0; ; tries++)
        {
            try
            {
                using var answer = await http.GetAsync("/none");
                return;
            }
            catch (Exception e) when (e is HttpRequestException or SocketException && tries < 100)
            {
                await Task.Delay(50);
            }
        }
    }

    private static string Configuration(string folder) => $$"""
        daemon off;
        worker_processes auto;
        pid {{folder}}/pid;
        {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
        events { worker_connections 4096; }
        http {
          access_log off;
          sendfile on;
          tcp_nodelay on;
          keepalive_requests 1000000;
          client_body_temp_path {{folder}}/body;
          fastcgi_temp_path {{folder}}/fastcgi;
          uwsgi_temp_path {{folder}}/uwsgi;
          scgi_temp_path {{folder}}/scgi;
          proxy_temp_path {{folder}}/proxy;
          proxy_cache_path {{folder}}/cache keys_zone=bench:10m max_size=8g use_temp_path=off;
          upstream origin { server {{new Uri(Ground.OriginEndpoint).Authority}}; keepalive 32; }
          server {
            listen {{Port}};
            location / {
              slice 1m;
              proxy_pass http://origin;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_set_header Range $slice_range;
              proxy_cache bench;
              proxy_cache_key $uri$slice_range;
              proxy_cache_valid 200 206 1d;
              proxy_cache_lock on;
              proxy_cache_lock_timeout 600s;
              proxy_cache_lock_age 600s;
            }
          }
        }
        """;
}
