using System.Buffers;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Peers;

/// <summary>One connection to the server: requests one after the other, nothing opened before the credential was checked.</summary>
internal sealed partial class PeerConnection
{
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(1);
    private readonly PeerServer server;
    private readonly Socket socket;
    private readonly ILogger log;
    private readonly string remote;
    private readonly Deadlines.Deadline deadline;
    private readonly byte[] buffer;
    private int filled;
    private int isIdle;

    public PeerConnection(PeerServer server, Socket socket, Deadlines deadlines, ILogger log)
    {
        this.server = server;
        this.socket = socket;
        this.log = log;
        remote = socket.RemoteEndPoint?.ToString() ?? "?";
        deadline = deadlines.Add(Abort);
        buffer = ArrayPool<byte>.Shared.Rent(server.Options.MaxHeadBytes);
    }

    /// <summary>Ends it where it waits for a request.</summary>
    public void EndIfIdle()
    {
        if (Volatile.Read(ref isIdle) != 0)
            Abort();
    }

    public void Abort() => socket.Dispose();

    public async Task RunAsync()
    {
        PeerTransport? transport = null;
        try
        {
            deadline.Set(server.Options.HeadTimeout);
            transport = await server.OpenAsync(socket);
            while (!server.Stopping.IsCancellationRequested && await NextAsync(transport))
            {
            }
            if (hasAnswered)
                await LeaveAsync(transport);
        }
        catch (Exception e) when (PeerTransport.IsBroken(e))
        {
            if (transport is null && !deadline.IsPassed && !server.Stopping.IsCancellationRequested && server.MayComplain())
                TlsFailed(log, remote, e.Message);
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
        catch (Exception e)
        {
            Failed(log, e, remote);
        }
        finally
        {
            deadline.Dispose();
            transport?.Dispose();
            socket.Dispose();
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    // To close with something unread would reset the connection, and what was answered might never arrive.
    private async Task LeaveAsync(PeerTransport transport)
    {
        deadline.Set(LeaveTimeout);
        socket.Shutdown(SocketShutdown.Send);
        for (var rest = 16; rest > 0 && await transport.ReceiveAsync(buffer) > 0; rest--)
        {
        }
    }

    /// <returns>Whether the connection can go on.</returns>
    private async Task<bool> NextAsync(PeerTransport transport)
    {
        int length;
        RequestHead? head;
        while (!RequestHead.TryRead(buffer.AsSpan(0, filled), out length, out head))
        {
            if (filled >= server.Options.MaxHeadBytes)
                return await SayAsync(transport, 431, "Request Header Fields Too Large", closes: true);
            if (!await ReceiveAsync(transport))
                return false;
        }
        if (head is null)
            return await SayAsync(transport, 400, "Bad Request", closes: true);
        buffer.AsSpan(length, filled - length).CopyTo(buffer);
        filled -= length;
        deadline.Set(server.Options.SendTimeout);
        return await AnswerAsync(transport, head) && !head.Closes;
    }

    private async Task<bool> ReceiveAsync(PeerTransport transport)
    {
        if (filled == 0)
        {
            // The first request of a connection has the time of a head; later ones may be long in coming.
            if (hasAnswered)
                deadline.Set(server.Options.IdleTimeout);
            Volatile.Write(ref isIdle, 1);
            if (server.Stopping.IsCancellationRequested)
                return false;
        }
        var count = await transport.ReceiveAsync(buffer.AsMemory(filled, server.Options.MaxHeadBytes - filled));
        if (Interlocked.Exchange(ref isIdle, 0) != 0 && hasAnswered)
            deadline.Set(server.Options.HeadTimeout);
        filled += count;
        return count > 0;
    }
}
