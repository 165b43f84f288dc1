using System.Net;
using System.Net.Sockets;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

public sealed class S3UnreachableTests
{
    private const string Secret = "canary-secret-1";
    private const string Token = "canary-token-2";

    public static TheoryData<string> Endpoints => ["http://no-such-host.invalid:9000", "http://127.0.0.1:" + ClosedPort()];

    [Theory]
    [MemberData(nameof(Endpoints))]
    public async Task An_endpoint_that_is_not_there_is_a_network_error_that_names_host_and_port(string endpoint)
    {
        var uri = new Uri(endpoint);
        using var origin = new S3Origin("bucket", new OriginOptions
        {
            Endpoint = endpoint,
            Credentials = new OriginCredentials("KEY", Secret, Token),
            Attempts = 1,
        }, TimeProvider.System);

        foreach (var attempt in new Func<Task>[] { () => origin.ListAllAsync("p/"), () => origin.ReadAllAsync(new OriginObject("p/o", 5, "e")) })
        {
            var error = await Assert.ThrowsAsync<OriginException>(attempt);
            Assert.Equal(OriginFailure.Network, error.Failure);
            Assert.True(error.IsTransient);
            Assert.Contains($"{uri.Host}:{uri.Port} cannot be reached", error.Message, StringComparison.Ordinal);
            Assert.Contains(uri.HostNameType == UriHostNameType.Dns ? "cannot be resolved" : "refused", error.Message, StringComparison.Ordinal);
            Assert.Contains("origin.endpoint", error.Advice!, StringComparison.Ordinal);
            NoSecret.In(error, Secret, Token);
        }
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
