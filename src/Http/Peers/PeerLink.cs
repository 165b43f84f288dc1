using System.Buffers;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Coordination;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Peers;

/// <summary>A connection to another node: one request at a time. What fails on it fails as a <see cref="PeerException"/>, and it is not used again.</summary>
internal sealed class PeerLink : IDisposable
{
    private const int MaxHead = 64 * 1024;
    private readonly Peer peer;
    private readonly PeerClientOptions options;
    private readonly Socket socket;
    private readonly Deadlines.Deadline deadline;
    private PeerTransport? transport;
    private byte[] buffer = ArrayPool<byte>.Shared.Rent(4096);
    private int start;
    private int end;
    private int isDisposed;

    private PeerLink(Peer peer, Socket socket, PeerClientOptions options, Deadlines deadlines)
    {
        this.peer = peer;
        this.socket = socket;
        this.options = options;
        deadline = deadlines.Add(Abort);
    }

    /// <summary>Whether it had an answer before: then the node may have closed it meanwhile, and the request is worth another connection.</summary>
    public bool IsUsed { get; private set; }

    /// <summary>Whether it ended before a byte of the answer, without being late.</summary>
    public bool EndedAtRest { get; private set; }

    /// <summary>Whether it can take another request.</summary>
    public bool IsFresh
    {
        get
        {
            deadline.Clear();
            return !deadline.IsPassed && start == end && !transport!.HasInput;
        }
    }

    public static async Task<PeerLink> ConnectAsync(Peer peer, PeerClientOptions options, Deadlines deadlines, CancellationToken cancellationToken)
    {
        var (host, port) = Parse(peer);
        var address = IPAddress.TryParse(host, out var ip) ? ip : null;
        var socket = address is null ? new Socket(SocketType.Stream, ProtocolType.Tcp) : new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        var link = new PeerLink(peer, socket, options, deadlines);
        try
        {
            socket.NoDelay = true;
            await link.GuardAsync(async () =>
            {
                link.deadline.Set(options.ConnectTimeout);
                if (address is null)
                    await socket.ConnectAsync(host, port, cancellationToken);
                else
                    await socket.ConnectAsync(address, port, cancellationToken);
                link.transport = await OpenAsync(socket, options.Tls, host, cancellationToken);
            }, $"no connection within {options.ConnectTimeout.TotalSeconds:0.#} s", cancellationToken);
            return link;
        }
        catch
        {
            link.Dispose();
            throw;
        }
    }

    /// <summary>Sends a request and reads the head of its answer.</summary>
    public Task<AnswerHead> AskAsync(string target, string credential, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        deadline.Set(options.StallTimeout);
        await transport!.SendAsync(Encoding.ASCII.GetBytes($"GET {target} HTTP/1.1\r\nHost: {peer.Endpoint}\r\nAuthorization: {credential}\r\n\r\n"));
        AnswerHead? head;
        int length;
        while (!AnswerHead.TryRead(buffer.AsSpan(start, end - start), out length, out head))
        {
            if (end == buffer.Length)
                Grow();
            var count = await transport.ReceiveAsync(buffer.AsMemory(end));
            if (count == 0)
                throw new IOException(end == start ? "it closed the connection" : "it broke off in the head of its answer");
            end += count;
            deadline.Set(options.StallTimeout);
        }
        if (head is null)
            throw new PeerException(PieceFailure.WrongBytes, $"{Name} answered something that is not understood.");
        start += length;
        IsUsed = true;
        return head;
    }, Stalled, cancellationToken);

    /// <summary>Reads a body to its end.</summary>
    public Task ReadAsync(long length, IPieceSink sink, TransferCaps caps, PeerPaces.PeerPace pace, TimeProvider time, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        for (var rest = length; rest > 0;)
        {
            var memory = sink.Next();
            if (memory.IsEmpty)
                throw new InvalidOperationException("There is no room for what a node was asked for.");
            var portion = await PermitAsync((int)Math.Min(memory.Length, rest), caps, pace, time, cancellationToken);
            var count = 0;
            try
            {
                count = await ReceiveAsync(memory[..portion], caps);
            }
            finally
            {
                caps.Download.Return(portion - count);
            }
            if (count == 0)
                throw new IOException($"it broke off {rest} bytes before the end");
            rest -= count;
            var mark = caps.CpuMark();
            // What the sink does takes its own time.
            deadline.Clear();
            sink.Accept(count);
            caps.CpuUsed(mark);
            if (!pace.Came(count))
                throw new PeerException(PieceFailure.Unreachable, $"{Name} is too slow: given up.");
        }
        pace.Done();
    }, Stalled, cancellationToken);

    /// <summary>It waits for the next request; after <paramref name="time"/> it is closed.</summary>
    public void Rest(TimeSpan time) => deadline.Set(time);

    public void Dispose()
    {
        if (Interlocked.Exchange(ref isDisposed, 1) != 0)
            return;
        deadline.Dispose();
        transport?.Dispose();
        socket.Dispose();
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    private string Name => $"Node {peer.Node} ({peer.Endpoint})";

    private string Stalled => $"it sent nothing for {options.StallTimeout.TotalSeconds:0.#} s";

    private void Abort() => socket.Dispose();

    private async ValueTask<int> ReceiveAsync(Memory<byte> memory, TransferCaps caps)
    {
        if (start < end)
        {
            var count = Math.Min(end - start, memory.Length);
            buffer.AsMemory(start, count).CopyTo(memory);
            start += count;
            return count;
        }
        deadline.Set(options.StallTimeout);
        if (!caps.LimitsCpu)
            return await transport!.ReceiveAsync(memory);
        // Waits without a thread; what is there then is taken, and counted, on this one.
        await transport!.ReceiveAsync(Memory<byte>.Empty);
        var mark = caps.CpuMark();
        var receiving = transport.ReceiveAsync(memory);
        caps.CpuUsed(mark);
        return await receiving;
    }

    // Waiting for our own limits is not the node's fault.
    private async ValueTask<int> PermitAsync(int most, TransferCaps caps, PeerPaces.PeerPace pace, TimeProvider time, CancellationToken cancellationToken)
    {
        var portion = caps.Download.Portion(most);
        var taking = caps.Download.TakeAsync(portion, cancellationToken);
        var cpu = caps.LimitsCpu ? caps.CpuAsync(cancellationToken) : ValueTask.CompletedTask;
        if (taking.IsCompletedSuccessfully && cpu.IsCompletedSuccessfully)
            return portion;
        deadline.Clear();
        var begun = time.GetTimestamp();
        await taking;
        await cpu;
        pace.Waited(time.GetElapsedTime(begun));
        return portion;
    }

    private void Grow()
    {
        if (end - start >= MaxHead)
            throw new PeerException(PieceFailure.WrongBytes, $"{Name} answered with a head of more than {MaxHead} bytes.");
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.AsSpan(start, end - start).CopyTo(larger);
        (end, start) = (end - start, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private async Task<T> GuardAsync<T>(Func<Task<T>> action, string late, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        await using var registration = cancellationToken.UnsafeRegister(static state => ((PeerLink)state!).Abort(), this);
        try
        {
            var result = await action();
            deadline.Clear();
            if (start == end)
                start = end = 0;
            return result;
        }
        catch (Exception e) when (e is not PeerException && (PeerTransport.IsBroken(e) || e is OperationCanceledException))
        {
            cancellationToken.ThrowIfCancellationRequested();
            EndedAtRest = start == end && !deadline.IsPassed;
            throw new PeerException(PieceFailure.Unreachable, $"{Name} cannot be read from: {(deadline.IsPassed ? late : e.Message)}.", e);
        }
    }

    private Task GuardAsync(Func<Task> action, string late, CancellationToken cancellationToken) => GuardAsync(async () =>
    {
        await action();
        return true;
    }, late, cancellationToken);

    private static async Task<PeerTransport> OpenAsync(Socket socket, PeerTls? tls, string host, CancellationToken cancellationToken)
    {
        if (tls is null)
            return new PlainTransport(socket);
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        try
        {
            await stream.AuthenticateAsClientAsync(tls.ForClient(host), cancellationToken);
            return new TlsTransport(socket, stream);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private static (string Host, int Port) Parse(Peer peer)
    {
        var colon = peer.Endpoint.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(peer.Endpoint.AsSpan(colon + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port) || port is 0 or > 65535)
            throw new PeerException(PieceFailure.Unreachable, $"Node {peer.Node} has an address that is none: '{peer.Endpoint}'.");
        return (peer.Endpoint[..colon].Trim('[', ']'), port);
    }
}
