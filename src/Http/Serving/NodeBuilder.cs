using DatasetCache.Http.Files;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Serving;

/// <summary>The beginnings of a node's process: where it listens, what it logs, how long a stop may take.</summary>
internal static class NodeBuilder
{
    /// <summary>A silo or a server that was stopped may take its ten seconds before the next one can have the root.</summary>
    public static TimeSpan LockPatience { get; } = TimeSpan.FromSeconds(15);

    private static readonly Dictionary<string, string?> LogLevels = new(StringComparer.Ordinal)
    {
        ["Logging:LogLevel:Default"] = "Warning",
        ["Logging:LogLevel:DatasetCache"] = "Information",
        // What the node ends with is said in words at the end.
        ["Logging:LogLevel:Microsoft.Extensions.Hosting.Internal.Host"] = "Critical",
        // Its first look at the clock counts from the start of the machine.
        ["Logging:LogLevel:Orleans.Runtime.Watchdog"] = "Error",
    };

    public static WebApplicationBuilder Create(ServingSettings settings)
    {
        // Of the environment and a folder that it was started in, only what the settings name shall count.
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(settings.Local, Splice.Use);
            if (settings.Open is { } open)
            {
                kestrel.Listen(open, listen =>
                {
                    if (settings.Tls is not { } tls)
                    {
                        Splice.Use(listen);
                        return;
                    }
                    var logger = listen.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger<ApiTls>();
                    listen.UseHttps(new TlsHandshakeCallbackOptions { OnConnection = _ => ValueTask.FromResult(tls.ForConnection(logger)) });
                });
            }
        });
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        // The weakest of its sources: Logging__LogLevel__DatasetCache=Debug in the environment says more.
        builder.Configuration.Sources.Insert(0, new MemoryConfigurationSource { InitialData = LogLevels });
        // These write whole addresses, and a token may stand in one; nobody shall turn them on by mistake.
        foreach (var category in (ReadOnlySpan<string>)["Microsoft.AspNetCore.Hosting.Diagnostics", "Microsoft.AspNetCore.Server.Kestrel.BadRequests"])
            builder.Logging.AddFilter(category, LogLevel.Warning);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(8));
        return builder;
    }
}
