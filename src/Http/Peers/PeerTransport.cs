using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using DatasetCache.Store;

namespace DatasetCache.Http.Peers;

/// <summary>A connection's bytes, plain or through TLS. Whatever is under way when it is aborted ends with an exception.</summary>
internal abstract class PeerTransport(Socket socket) : IDisposable
{
    protected Socket Socket => socket;

    /// <summary>0 at the end.</summary>
    public abstract ValueTask<int> ReceiveAsync(Memory<byte> buffer);

    public abstract ValueTask SendAsync(ReadOnlyMemory<byte> bytes);

    /// <summary>Sends some of a file's range, one byte at least.</summary>
    /// <returns>How many; 0 where the file is shorter.</returns>
    public abstract ValueTask<int> SendFileAsync(FileHandle file, long offset, int count, TransferCaps caps);

    /// <summary>Between these, small sends are put together.</summary>
    public virtual void Cork(bool on)
    {
    }

    /// <summary>Whether anything has come, its end included: a connection at rest has nothing to say.</summary>
    public bool HasInput
    {
        get
        {
            try
            {
                return socket.Poll(0, SelectMode.SelectRead);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // It was closed while it rested.
                return true;
            }
        }
    }

    /// <summary>Closes it, from any thread.</summary>
    public void Abort() => socket.Dispose();

    public virtual void Dispose() => socket.Dispose();

    /// <summary>Whether an exception says that the connection broke.</summary>
    public static bool IsBroken(Exception e) => e is SocketException or IOException or ObjectDisposedException or System.Security.Authentication.AuthenticationException or InvalidOperationException { InnerException: SocketException };
}

internal sealed class PlainTransport : PeerTransport
{
    // What is copied where the socket is full: sending it by the ordinary way is how .NET lets us wait for room.
    private const int Bridge = 32 * 1024;

    public PlainTransport(Socket socket)
        : base(socket) => socket.Blocking = false;

    public override ValueTask<int> ReceiveAsync(Memory<byte> buffer) => Socket.ReceiveAsync(buffer, SocketFlags.None);

    public override async ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => await Socket.SendAsync(bytes, SocketFlags.None);

    public override ValueTask<int> SendFileAsync(FileHandle file, long offset, int count, TransferCaps caps)
    {
        while (true)
        {
            var mark = caps.CpuMark();
            var sent = Native.SendFile(Socket.SafeHandle, file.Fd, offset, count);
            caps.CpuUsed(mark);
            if (sent >= 0)
                return new ValueTask<int>((int)sent);
            if (sent == -Native.Again)
                return SendCopyAsync(file, offset, Math.Min(count, Bridge));
            if (sent != -Native.Interrupted)
                throw new IOException($"sendfile failed (errno {-sent}).");
        }
    }

    public override void Cork(bool on) => Native.Cork(Socket, on);

    private async ValueTask<int> SendCopyAsync(FileHandle file, long offset, int count)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(count);
        try
        {
            var read = file.Read(buffer.AsSpan(0, count), offset);
            return read == 0 ? 0 : await Socket.SendAsync(buffer.AsMemory(0, read), SocketFlags.None);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

internal sealed class TlsTransport(Socket socket, SslStream stream) : PeerTransport(socket)
{
    private const int Step = 64 * 1024;

    public override ValueTask<int> ReceiveAsync(Memory<byte> buffer) => stream.ReadAsync(buffer);

    public override ValueTask SendAsync(ReadOnlyMemory<byte> bytes) => stream.WriteAsync(bytes);

    public override async ValueTask<int> SendFileAsync(FileHandle file, long offset, int count, TransferCaps caps)
    {
        var step = Math.Min(count, Step);
        var buffer = ArrayPool<byte>.Shared.Rent(step);
        try
        {
            var mark = caps.CpuMark();
            var read = file.Read(buffer.AsSpan(0, step), offset);
            // It encrypts before it waits.
            var sending = read == 0 ? ValueTask.CompletedTask : stream.WriteAsync(buffer.AsMemory(0, read));
            caps.CpuUsed(mark);
            await sending;
            return read;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public override void Cork(bool on) => Native.Cork(Socket, on);

    public override void Dispose()
    {
        stream.Dispose();
        base.Dispose();
    }
}
