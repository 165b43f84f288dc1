using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Testing;

/// <summary>An HTTP server of this process on 127.0.0.1 and a port that was free.</summary>
public sealed class LoopbackServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly CancellationTokenSource stopping;

    private LoopbackServer(WebApplication app, CancellationTokenSource stopping) => (this.app, this.stopping) = (app, stopping);

    /// <summary>For example <c>http://127.0.0.1:41234</c>.</summary>
    public string Endpoint => app.Urls.Single();

    /// <param name="handle">Answers a request; its token ends with the connection or the server.</param>
    /// <param name="address">Where it listens. Default: 127.0.0.1.</param>
    public static async Task<LoopbackServer> StartAsync(Func<HttpContext, CancellationToken, Task> handle, IPAddress? address = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(options =>
        {
            options.Listen(address ?? IPAddress.Loopback, 0);
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = null;
            // Slow readers and slow bodies are what is tested.
            options.Limits.MinResponseDataRate = null;
        });
        var stop = new CancellationTokenSource();
        var web = builder.Build();
        web.Run(async context =>
        {
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stop.Token);
            try
            {
                await handle(context, ended.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or IOException)
            {
                context.Abort();
            }
        });
        await web.StartAsync();
        return new LoopbackServer(web, stop);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await app.StopAsync(new CancellationToken(canceled: true));
        await app.DisposeAsync();
        stopping.Dispose();
    }
}
