using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Eviction;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Files;

public sealed class SpliceTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Files_and_documents_follow_each_other_on_one_connection(bool spliced)
    {
        await using var ground = await FilesGround.StartAsync(spliced: spliced);
        var (small, large) = (MemoryOrigin.Bytes(1, 300_000), MemoryOrigin.Bytes(2, 10_000_001));
        ground.Origin.Put("set/small.bin", small);
        ground.Origin.Put("set/large.bin", large);
        for (var i = 0; i < 3000; i++)
            ground.Origin.Put($"set/many/{i:d6}.txt", "");
        var url = $"/v1/datasets/{await ground.GetAsync()}/files";
        using var one = new SocketsHttpHandler { MaxConnectionsPerServer = 1, UseProxy = false };
        using var client = new HttpClient(one) { BaseAddress = ground.Client.BaseAddress };
        client.DefaultRequestHeaders.Authorization = ground.Client.DefaultRequestHeaders.Authorization;
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(large, await client.GetByteArrayAsync(url + "/large.bin", Cancel));
            Assert.Equal(small, await client.GetByteArrayAsync(url + "/small.bin", Cancel));
            Assert.Contains("many/002999.txt", await client.GetStringAsync(url + "?limit=10000", Cancel), StringComparison.Ordinal);
            using var missing = await client.GetAsync(url + "/none", Cancel);
            Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        }
    }

    [Fact]
    public async Task Requests_that_came_at_once_are_answered_in_their_order()
    {
        await using var ground = await FilesGround.StartAsync();
        ground.Origin.Put("set/a.txt", new string('a', 5000));
        ground.Origin.Put("set/b.txt", new string('b', 2_000_000));
        var url = $"/v1/datasets/{await ground.GetAsync()}/files";
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, ground.Client.BaseAddress!.Port, Cancel);
        await using var stream = socket.GetStream();
        var head = $" HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {ground.Client.DefaultRequestHeaders.Authorization}\r\n";
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET {url}/b.txt{head}\r\nGET {url}/a.txt{head}\r\nGET {url}/b.txt{head}Connection: close\r\n\r\n"), Cancel);
        var text = await new StreamReader(stream, Encoding.ASCII).ReadToEndAsync(Cancel);
        var bodies = text.Split("HTTP/1.1 200 OK\r\n", StringSplitOptions.RemoveEmptyEntries).Select(part => part[(part.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]).ToArray();
        Assert.Equal(3, bodies.Length);
        Assert.Equal([new string('b', 2_000_000), new string('a', 5000), new string('b', 2_000_000)], bodies);
    }

    [Fact]
    public async Task Who_goes_away_in_the_middle_lets_go_of_the_entry()
    {
        await using var ground = await FilesGround.StartAsync();
        ground.Origin.Put("set/large.bin", new byte[64 * 1024 * 1024]);
        var key = await ground.GetAsync();
        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(IPAddress.Loopback, ground.Client.BaseAddress!.Port, Cancel);
            await using var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes(
                $"GET /v1/datasets/{key}/files/large.bin HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {ground.Client.DefaultRequestHeaders.Authorization}\r\n\r\n"), Cancel);
            await stream.ReadExactlyAsync(new byte[100_000], Cancel);
            Assert.Equal(EvictionOutcome.Protected, (await ground.Cache.EvictAsync(key, dryRun: false, Cancel)).Outcome);
        }
        while ((await ground.Cache.EvictAsync(key, dryRun: false, Cancel)).Outcome == EvictionOutcome.Protected)
            await Task.Delay(10, Cancel);
    }
}
