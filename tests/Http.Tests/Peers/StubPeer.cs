using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Coordination;

namespace DatasetCache.Http.Tests.Peers;

/// <summary>Another node that does as it likes: it hears one request per connection and then does what the test says.</summary>
internal sealed class StubPeer : IAsyncDisposable
{
    private readonly Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource ended = new();
    private readonly Task accepting;

    public StubPeer(Func<Socket, Ended, Task> answer)
    {
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        Peer = new Peer("stub", listener.LocalEndPoint!.ToString()!);
        accepting = AcceptAsync(answer);
    }

    public Peer Peer { get; }

    public TaskCompletionSource Asked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Sends a tenth of this in every tenth of a second, by the clock that it moves itself.</summary>
    /// <param name="sink">Where it all goes.</param>
    public static StubPeer Dripping(SteppedTime time, int bytesPerSecond, MemorySink sink) => new(async (socket, ended) =>
    {
        var before = sink.Count;
        var length = bytesPerSecond switch { 20_000 => 120_000, 10_000 => 60_000, 1_000_000 => 6_000_000, _ => 1_000_000 };
        await socket.SendAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        for (var sent = 0; sent < length && !ended.IsCancellationRequested; sent += bytesPerSecond / 10)
        {
            await socket.SendAsync(new byte[Math.Min(bytesPerSecond / 10, length - sent)]);
            // It has to have been read before time goes on; or it was hung up on.
            while (sink.Count - before < Math.Min(sent + (bytesPerSecond / 10), length) && !ended.IsCancellationRequested && !socket.Poll(0, SelectMode.SelectRead))
                await Task.Delay(1);
            time.Advance(TimeSpan.FromSeconds(0.1));
        }
    });

    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        listener.Dispose();
        await accepting;
        ended.Dispose();
    }

    private async Task AcceptAsync(Func<Socket, Ended, Task> answer)
    {
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptAsync();
                var request = new StringBuilder();
                var buffer = new byte[4096];
                while (!request.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await socket.ReceiveAsync(buffer) is > 0 and var count)
                    request.Append(Encoding.ASCII.GetString(buffer, 0, count));
                Asked.TrySetResult();
                try
                {
                    await answer(socket, new Ended(ended.Token));
                    socket.Shutdown(SocketShutdown.Send);
                }
                catch (SocketException)
                {
                    // It was hung up on.
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    internal sealed class Ended(CancellationToken token)
    {
        public bool IsCancellationRequested => token.IsCancellationRequested;

        public async Task WaitAsync()
        {
            var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = token.Register(over.SetResult);
            await over.Task;
        }
    }
}
