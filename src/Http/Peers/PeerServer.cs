using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using DatasetCache.Transfers.Peers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DatasetCache.Http.Peers;

/// <summary>
/// Serves what this node holds to the others: manifests and pieces by digest, over a narrow HTTP/1.1 of its own, so that a piece goes from the file to the socket without passing through here.
/// </summary>
internal sealed partial class PeerServer : IAsyncDisposable
{
    private readonly Socket listener;
    private readonly ConcurrentDictionary<PeerConnection, Task> connections = new();
    private readonly CancellationTokenSource stopping = new();
    private readonly CancellationTokenSource aborting = new();
    private readonly Deadlines deadlines;
    private readonly ILogger log;
    private readonly Task accepting;
    private int stopped;
    private int open;
    private long complained;

    private PeerServer(PeerServerOptions options, PeerSecret secret, IPeerContent content, TransferCaps caps, TimeProvider time, ILogger log, Socket listener)
    {
        Options = options;
        Secret = secret;
        Content = content;
        Caps = caps;
        Time = time;
        this.log = log;
        this.listener = listener;
        deadlines = new Deadlines(time);
        Port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        Endpoint = options.AdvertisedHost is { } host
            ? (host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]:{Port}" : $"{host}:{Port}")
            : listener.LocalEndPoint!.ToString()!;
        accepting = AcceptAsync();
    }

    /// <summary>The port that it listens on.</summary>
    public int Port { get; }

    /// <summary>Host and port as other nodes name it; requests are signed for this and for no other.</summary>
    public string Endpoint { get; }

    public int Connections => Volatile.Read(ref open);

    internal PeerServerOptions Options { get; }

    internal PeerSecret Secret { get; }

    internal IPeerContent Content { get; }

    internal TransferCaps Caps { get; }

    internal TimeProvider Time { get; }

    internal CancellationToken Stopping => stopping.Token;

    /// <summary>What waits for a limit ends with it.</summary>
    internal CancellationToken Aborting => aborting.Token;

    /// <exception cref="ConfigurationException">A setting makes no sense, or nothing can listen there.</exception>
    public static PeerServer Start(PeerServerOptions options, PeerSecret secret, IPeerContent content, TransferCaps caps, TimeProvider? time = null, ILogger? log = null)
    {
        options.Validate();
        var listener = new Socket(options.Listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            listener.Bind(options.Listen);
            listener.Listen(512);
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw new ConfigurationException("cluster.listen", $"Cannot listen on {options.Listen} for other nodes: {e.Message}.", "Choose an address of this host and a port that is free.");
        }
        return new PeerServer(options, secret, content, caps, time ?? TimeProvider.System, log ?? NullLogger.Instance, listener);
    }

    /// <summary>Takes no more connections and requests; lets answers under way end, for <see cref="PeerServerOptions.StopTimeout"/> at most.</summary>
    public async Task StopAsync()
    {
        if (Interlocked.Exchange(ref stopped, 1) != 0)
            return;
        await stopping.CancelAsync();
        listener.Dispose();
        await accepting;
        foreach (var (connection, _) in connections)
            connection.EndIfIdle();
        var all = Task.WhenAll(connections.Values);
        if (Options.StopTimeout > TimeSpan.Zero)
            await Task.WhenAny(all, Task.Delay(Options.StopTimeout, Time));
        await aborting.CancelAsync();
        foreach (var (connection, _) in connections)
            connection.Abort();
        await all;
        deadlines.Dispose();
        stopping.Dispose();
        aborting.Dispose();
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task AcceptAsync()
    {
        while (true)
        {
            Socket socket;
            try
            {
                socket = await listener.AcceptAsync();
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException { SocketErrorCode: SocketError.OperationAborted } || stopping.IsCancellationRequested)
            {
                return;
            }
            catch (SocketException e)
            {
                // Out of file descriptors, or the caller was gone already.
                AcceptFailed(log, e.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(100), Time);
                continue;
            }
            if (Interlocked.Increment(ref open) > Options.MaxConnections)
            {
                Interlocked.Decrement(ref open);
                if (MayComplain())
                    TooMany(log, Options.MaxConnections);
                socket.Dispose();
                continue;
            }
            var connection = new PeerConnection(this, socket, deadlines, log);
            // Remembered before it can end.
            var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            connections[connection] = ServeAsync(connection, begun.Task);
            begun.SetResult();
        }
    }

    private async Task ServeAsync(PeerConnection connection, Task begun)
    {
        await begun;
        try
        {
            await connection.RunAsync();
        }
        finally
        {
            connections.TryRemove(connection, out _);
            Interlocked.Decrement(ref open);
        }
    }

    /// <summary>Whether something that anybody can bring about may be logged: once a second, so that nobody fills the log.</summary>
    internal bool MayComplain()
    {
        var last = Volatile.Read(ref complained);
        return (last == 0 || Time.GetElapsedTime(last) >= TimeSpan.FromSeconds(1)) && Interlocked.CompareExchange(ref complained, Math.Max(1, Time.GetTimestamp()), last) == last;
    }

    internal async Task<PeerTransport> OpenAsync(Socket socket)
    {
        socket.NoDelay = true;
        if (Options.Tls is null)
            return new PlainTransport(socket);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        try
        {
            await stream.AuthenticateAsServerAsync(Options.Tls.ForServer());
            return new TlsTransport(socket, stream);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }
}
