using System.Buffers;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using DatasetCache.Http.Peers;
using DatasetCache.Store;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace DatasetCache.Http.Files;

/// <summary>
/// The writing end of a plain HTTP/1.1 connection, straight to its socket. Kestrel's own copies every byte through pipes of its own; here a body can come out of a file by sendfile, or out of
/// memory as it is, while heads, counting of bytes, time limits and everything else stay Kestrel's: it writes into room that is never looked at, and what it says that it wrote is sent from
/// elsewhere.
/// </summary>
internal sealed class Splice : PipeWriter
{
    // What Kestrel is told to have written to. Nobody reads it, and nobody but a mistake writes to it.
    private static readonly byte[] Nowhere = GC.AllocateUninitializedArray<byte>(Most);

    /// <summary>The most that one flush sends from elsewhere.</summary>
    public const int Most = 4 * 1024 * 1024;

    private const int Least = 4096;

    // What is copied where the socket is full: sending it by the ordinary way is how .NET lets us wait for room.
    private const int Bridge = 64 * 1024;

    private readonly Socket socket;
    private readonly PipeWriter inner;
    private byte[] buffer = [];
    private int filled;
    private bool isElsewhere, isCompleted;
    private FileHandle? file;
    private long offset;
    private ReadOnlyMemory<byte> memory;
    private int elsewhere;

    private Splice(Socket socket, PipeWriter inner) => (this.socket, this.inner) = (socket, inner);

    /// <summary>Has a listener's plain connections written straight to their sockets.</summary>
    public static void Use(ListenOptions options) => options.Use(next => async connection =>
    {
        if (connection.Features.Get<IConnectionSocketFeature>()?.Socket is not { } socket || connection.Features.Get<ITlsHandshakeFeature>() is not null)
        {
            await next(connection);
            return;
        }
        var transport = connection.Transport;
        var splice = new Splice(socket, transport.Output);
        socket.Blocking = false;
        connection.Features.Set(splice);
        connection.Transport = new Pair(transport.Input, splice);
        try
        {
            await next(connection);
        }
        finally
        {
            connection.Transport = transport;
            splice.Release();
        }
    });

    /// <summary>That of a request's connection; null where there is none, or its bytes are not what the socket sends (TLS, HTTP/2).</summary>
    public static Splice? Of(HttpContext context)
        => !context.Request.IsHttps && HttpProtocol.IsHttp11(context.Request.Protocol) ? context.Features.Get<Splice>() : null;

    /// <summary>Sends a part of a file as the next bytes of a body whose head was written.</summary>
    /// <returns>False where it has to be copied after all; nothing was sent then.</returns>
    /// <exception cref="EndOfStreamException">The file is shorter: the connection is of no use any more.</exception>
    public async ValueTask<bool> TrySendAsync(PipeWriter body, FileHandle from, long position, int count, CancellationToken cancellationToken)
    {
        (file, offset) = (from, position);
        return await TrySendAsync(body, count, cancellationToken);
    }

    /// <summary>The same out of memory.</summary>
    public async ValueTask<bool> TrySendAsync(PipeWriter body, ReadOnlyMemory<byte> from, CancellationToken cancellationToken)
    {
        memory = from;
        return await TrySendAsync(body, from.Length, cancellationToken);
    }

    private async ValueTask<bool> TrySendAsync(PipeWriter body, int count, CancellationToken cancellationToken)
    {
        isElsewhere = true;
        try
        {
            // Anything else is Kestrel's: it keeps what is written while a flush is under way, or throws away what nobody will read.
            if (!MemoryMarshal.TryGetArray<byte>(body.GetMemory(count), out var room) || !ReferenceEquals(room.Array, Nowhere))
                return false;
            body.Advance(count);
            await body.FlushAsync(cancellationToken);
            return true;
        }
        finally
        {
            (isElsewhere, elsewhere, file, memory) = (false, 0, null, default);
        }
    }

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        if (isElsewhere)
            return Nowhere;
        Grow(Math.Max(1, sizeHint));
        return buffer.AsMemory(filled);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    public override void Advance(int bytes)
    {
        if (isElsewhere)
            elsewhere += bytes;
        else
            filled += bytes;
    }

    public override bool CanGetUnflushedBytes => true;

    public override long UnflushedBytes => filled + elsewhere;

    public override async ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        if (isCompleted)
            return new FlushResult(isCanceled: false, isCompleted: true);
        try
        {
            await SendAsync();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            isCompleted = true;
        }
        if (buffer.Length > Bridge)
            Release();
        return new FlushResult(isCanceled: false, isCompleted);
    }

    private async ValueTask SendAsync()
    {
        // A head by itself would be a packet by itself.
        var corks = filled > 0 && elsewhere > 0;
        if (corks)
            Native.Cork(socket, on: true);
        await SendAsync(buffer.AsMemory(0, filled));
        filled = 0;
        if (elsewhere > 0)
            await (file is null ? SendAsync(memory[..elsewhere]) : SendFileAsync(file));
        if (corks)
            Native.Cork(socket, on: false);
    }

    private async ValueTask SendAsync(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
            bytes = bytes[await socket.SendAsync(bytes, SocketFlags.None)..];
    }

    private async ValueTask SendFileAsync(FileHandle from)
    {
        for (var rest = elsewhere; rest > 0;)
        {
            var sent = Native.SendFile(socket.SafeHandle, from.Fd, offset, rest);
            if (sent == -Native.Again)
                sent = await SendCopyAsync(from, Math.Min(rest, Bridge));
            if (sent == 0)
                throw new EndOfStreamException("A file ends before the length that was promised.");
            if (sent < 0 && sent != -Native.Interrupted)
                throw new SocketException((int)SocketError.ConnectionReset);
            sent = Math.Max(0, sent);
            offset += sent;
            rest -= (int)sent;
        }
    }

    private async ValueTask<nint> SendCopyAsync(FileHandle from, int count)
    {
        var copy = ArrayPool<byte>.Shared.Rent(count);
        try
        {
            var read = from.Read(copy.AsSpan(0, count), offset);
            return read == 0 ? 0 : await socket.SendAsync(copy.AsMemory(0, read), SocketFlags.None);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    public override void CancelPendingFlush()
    {
        // Nobody here waits for another: what is under way ends with the connection.
    }

    public override void Complete(Exception? exception = null)
    {
        if (filled > 0 && !isCompleted && exception is null)
            inner.Write(buffer.AsSpan(0, filled));
        filled = 0;
        isCompleted = true;
        inner.Complete(exception);
    }

    private void Grow(int room)
    {
        if (buffer.Length - filled >= room)
            return;
        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Least, Math.Max(buffer.Length * 2, filled + room)));
        buffer.AsSpan(0, filled).CopyTo(larger);
        if (buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(buffer);
        buffer = larger;
    }

    private void Release()
    {
        if (buffer.Length > 0 && filled == 0)
            ArrayPool<byte>.Shared.Return(buffer);
        if (filled == 0)
            buffer = [];
    }

    private sealed record Pair(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
