using System.Net;
using System.Net.Sockets;

namespace DatasetCache.Cli.Tests;

/// <summary>
/// Stands before a store and passes bytes on, until <paramref name="budget"/> bytes have gone to the client: then it says so and holds
/// everything back. A download that is caught there is caught in its middle, however fast the machine.
/// </summary>
internal sealed class StallingProxy(Uri store, long budget) : IAsyncDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource stalled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long left = budget;
    private Task serving = Task.CompletedTask;

    /// <summary>Ends when the budget is spent.</summary>
    public Task Stalled => stalled.Task;

    /// <summary>Passes everything on from now on; connections that it held back stay dead.</summary>
    public void Release() => Interlocked.Exchange(ref left, long.MaxValue);

    public string Start()
    {
        listener.Start();
        serving = ServeAsync();
        return $"http://{listener.LocalEndpoint}";
    }

    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await serving;
        listener.Dispose();
        stop.Dispose();
    }

    private async Task ServeAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(PassAsync(await listener.AcceptTcpClientAsync(stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using (client)
        using (var server = new TcpClient())
        {
            try
            {
                await server.ConnectAsync(store.Host, store.Port, stop.Token);
                await Task.WhenAny(client.GetStream().CopyToAsync(server.GetStream(), stop.Token), PassBackAsync(server.GetStream(), client.GetStream()));
            }
            catch (Exception exception) when (exception is IOException or SocketException or OperationCanceledException)
            {
                // One end hung up.
            }
        }
    }

    private async Task PassBackAsync(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer, stop.Token) is > 0 and var read)
        {
            if (Interlocked.Add(ref left, -read) < 0)
            {
                stalled.TrySetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, stop.Token);
            }
            await to.WriteAsync(buffer.AsMemory(0, read), stop.Token);
        }
    }
}
