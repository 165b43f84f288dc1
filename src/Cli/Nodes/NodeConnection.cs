using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace DatasetCache.Cli.Nodes;

/// <summary>
/// HTTP to the node of this host over one plain socket: a request, an answer with a length, no more. HttpClient would load and compile for longer than a warm get takes.
/// One request at a time; waits for its answer on the caller's thread.
/// </summary>
internal sealed class NodeConnection(IPEndPoint at, string token) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private const int LargestHead = 16 * 1024;
    private Socket? socket;

    /// <param name="url">As the node wrote it: <c>http://127.0.0.1:4680</c>, <c>http://[::1]:4680</c>.</param>
    /// <exception cref="NodeLostException">It is none of these.</exception>
    public static IPEndPoint EndPointOf(string url)
    {
        const string scheme = "http://";
        return url.StartsWith(scheme, StringComparison.Ordinal) && IPEndPoint.TryParse(url.AsSpan(scheme.Length).TrimEnd('/'), out var at)
            ? at
            : throw new NodeLostException($"its address '{url}' is none of this host");
    }

    /// <param name="target">Path and query.</param>
    /// <param name="body">JSON; empty for none.</param>
    /// <param name="wait">How long the node was asked to wait before it answers.</param>
    /// <exception cref="NodeLostException">The node is not there, broke off or does not answer. The request may have been carried out.</exception>
    /// <exception cref="OperationCanceledException">The connection is closed with it.</exception>
    public NodeAnswer Send(string method, string target, ReadOnlySpan<byte> body, TimeSpan wait, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // The node closes a connection that idled: that shows when the next request is on its way, and is tried once more.
        var isReused = socket is not null;
        try
        {
            return SendOnce(method, target, body, wait, cancellationToken);
        }
        catch (NodeLostException) when (isReused && !cancellationToken.IsCancellationRequested)
        {
            return SendOnce(method, target, body, wait, cancellationToken);
        }
    }

    public void Dispose()
    {
        socket?.Dispose();
        socket = null;
    }

    private NodeAnswer SendOnce(string method, string target, ReadOnlySpan<byte> body, TimeSpan wait, CancellationToken cancellationToken)
    {
        var answered = false;
        try
        {
            var open = socket ??= Connect();
            using var closing = cancellationToken.CanBeCanceled ? cancellationToken.UnsafeRegister(static state => ((Socket)state!).Dispose(), open) : default;
            open.ReceiveTimeout = (int)(wait + Patience).TotalMilliseconds;
            var head = string.Create(CultureInfo.InvariantCulture,
                $"{method} {target} HTTP/1.1\r\nHost: {at}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n");
            var request = new byte[head.Length + body.Length];
            Encoding.ASCII.GetBytes(head, request);
            body.CopyTo(request.AsSpan(head.Length));
            for (var sent = 0; sent < request.Length;)
                sent += open.Send(request.AsSpan(sent));
            var answer = Receive(open);
            answered = true;
            return answer;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw new NodeLostException(e.Message, e);
        }
        finally
        {
            if (!answered)
                Dispose();
        }
    }

    private Socket Connect()
    {
        var connecting = new Socket(at.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            connecting.Connect(at);
            return connecting;
        }
        catch
        {
            connecting.Dispose();
            throw;
        }
    }

    private static NodeAnswer Receive(Socket from)
    {
        var buffer = new byte[4096];
        var filled = 0;
        int end;
        while ((end = buffer.AsSpan(0, filled).IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (filled == LargestHead)
                throw new NodeLostException("It answered with something else than HTTP.");
            if (filled == buffer.Length)
                Array.Resize(ref buffer, buffer.Length * 2);
            filled += Read(from, buffer.AsSpan(filled));
        }
        var lines = Encoding.ASCII.GetString(buffer, 0, end).Split("\r\n");
        var status = lines[0].Length >= 12 && lines[0].StartsWith("HTTP/1.1 ", StringComparison.Ordinal) && int.TryParse(lines[0].AsSpan(9, 3), CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new NodeLostException("It answered with something else than HTTP.");
        var length = 0;
        foreach (var line in lines)
        {
            if (line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
                length = int.Parse(line.AsSpan(15), CultureInfo.InvariantCulture);
            else if (line.StartsWith("Transfer-Encoding:", StringComparison.OrdinalIgnoreCase))
                throw new NodeLostException("It answered without a length.");
        }
        var body = new byte[length];
        var had = Math.Min(length, filled - end - 4);
        buffer.AsSpan(end + 4, had).CopyTo(body);
        while (had < length)
            had += Read(from, body.AsSpan(had));
        return new NodeAnswer(status, body);
    }

    private static int Read(Socket from, Span<byte> into) => from.Receive(into) is var read and > 0 ? read : throw new NodeLostException("It closed the connection.");
}

/// <summary>What the node answered.</summary>
internal readonly record struct NodeAnswer(int Status, byte[] Body);

/// <summary>The node could not be asked, or its answer did not come.</summary>
internal sealed class NodeLostException(string message, Exception? inner = null) : Exception(message, inner);
