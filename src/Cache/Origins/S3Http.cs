using System.Net;

namespace DatasetCache.Origins;

/// <summary>The HTTP client that moves an origin's bytes.</summary>
internal static class S3Http
{
    public static TimeSpan ConnectTimeout { get; } = TimeSpan.FromSeconds(10);

    public static HttpClient Create(int connections) => new(new SocketsHttpHandler
    {
        MaxConnectionsPerServer = connections,
        ConnectTimeout = ConnectTimeout,
        // So that a store's new addresses are seen.
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        // A redirect is a wrong region: said, not followed with a signature made for another host.
        AllowAutoRedirect = false,
        // An object's bytes are what is stored, compressed or not.
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        // A body given up is not worth reading to its end for the sake of the connection.
        MaxResponseDrainSize = 256 * 1024,
    })
    {
        // The transfer's stall timeout rules; a large body may take hours.
        Timeout = Timeout.InfiniteTimeSpan,
    };
}
