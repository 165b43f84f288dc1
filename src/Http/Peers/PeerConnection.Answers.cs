using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Peers;

internal sealed partial class PeerConnection
{
    // As many as the longest run has with its most files: 36 KiB of head. Above it they are left out, and who needs them asks for less.
    private const int MostChecksums = PeerRoute.MostPieces * PiecePlan.MostFiles;
    private const int Step = 1024 * 1024;
    private static readonly TimeSpan SlotTimeout = TimeSpan.FromSeconds(1);
    private bool hasAnswered;

    /// <returns>Whether the connection can go on.</returns>
    private async Task<bool> AnswerAsync(PeerTransport transport, RequestHead head)
    {
        var fault = PeerCredential.Check(server.Secret, head, server.Endpoint, server.Time.GetUtcNow());
        if (fault != CredentialFault.None)
        {
            if (server.MayComplain())
                Refused(log, remote, fault);
            return await RefuseAsync(transport, head, fault);
        }
        if (!IsGet(head))
            return await SayAsync(transport, 405, "Method Not Allowed", closes: true);
        if (PeerRoute.TryParse(head.Target) is not { } route)
            return await SayAsync(transport, 404, "Not Found");
        deadline.Clear();
        if (!await server.Caps.Uploads.TryEnterAsync(SlotTimeout, server.Time))
            return await SayAsync(transport, 503, "Service Unavailable");
        try
        {
            return await FindAsync(transport, route);
        }
        finally
        {
            server.Caps.Uploads.Leave();
        }
    }

    private async Task<bool> FindAsync(PeerTransport transport, PeerRoute route)
    {
        try
        {
            switch (route.Kind)
            {
                case PeerRouteKind.Manifest:
                    return server.Content.FindManifest(route.Digest) is { } manifest ? await SendAsync(transport, manifest, null) : await SayAsync(transport, 404, "Not Found");
                case PeerRouteKind.Held:
                    return server.Content.FindHeld(route.Digest) is { } held
                        ? await SendAsync(transport, Bytes(held), string.Create(CultureInfo.InvariantCulture, $"X-Pieces: {held.Size}\r\n"))
                        : await SayAsync(transport, 404, "Not Found");
                default:
                    return await SendPiecesAsync(transport, route);
            }
        }
        catch (DatasetCacheException e)
        {
            Failed(log, e, remote);
            return await SayAsync(transport, 503, "Service Unavailable");
        }
    }

    private async Task<bool> SendPiecesAsync(PeerTransport transport, PeerRoute route)
    {
        var pieces = new List<OpenPiece>(route.Count);
        try
        {
            for (var i = 0; i < route.Count; i++)
            {
                if (server.Content.TryOpen(route.Digest, route.First + i, route.Parts) is not { } piece)
                    return await SayAsync(transport, 404, "Not Found");
                pieces.Add(piece);
            }
            var head = Head(200, "OK", pieces.Sum(piece => piece.Length));
            AppendChecksums(head, pieces);
            transport.Cork(true);
            await SendAsync(transport, Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
            foreach (var range in pieces.SelectMany(piece => piece.Ranges))
            {
                if (!await SendAsync(transport, range))
                    return false;
            }
            transport.Cork(false);
            return hasAnswered = true;
        }
        finally
        {
            foreach (var piece in pieces)
                piece.Dispose();
        }
    }

    /// <returns>False where the file does not have what it should: the answer can only break off.</returns>
    private async Task<bool> SendAsync(PeerTransport transport, PieceRange range)
    {
        for (var done = 0; done < range.Length;)
        {
            var portion = await PermitAsync(range.Length - done);
            var sent = 0;
            try
            {
                sent = await transport.SendFileAsync(range.File, range.Offset + done, portion, server.Caps);
            }
            catch (Exception e) when (e is StorageException || (e is IOException && e.InnerException is null))
            {
                BrokeOff(log, remote, e.Message);
                return false;
            }
            finally
            {
                server.Caps.Upload.Return(portion - sent);
                server.Caps.Sent(sent);
            }
            if (sent == 0)
            {
                BrokeOff(log, remote, "a file is shorter than it was when it was checked");
                return false;
            }
            done += sent;
        }
        return true;
    }

    private async Task<bool> SendAsync(PeerTransport transport, byte[] body, string? header)
    {
        transport.Cork(true);
        await SendAsync(transport, Encoding.ASCII.GetBytes(Head(200, "OK", body.Length).Append(header).Append("\r\n").ToString()));
        for (var done = 0; done < body.Length;)
        {
            var portion = await PermitAsync(body.Length - done);
            await transport.SendAsync(body.AsMemory(done, portion));
            done += portion;
        }
        transport.Cork(false);
        return hasAnswered = true;
    }

    // Waiting for our own limits is not the requester's fault.
    private async ValueTask<int> PermitAsync(int most)
    {
        var portion = server.Caps.Upload.Portion(Math.Min(most, Step));
        var taking = server.Caps.Upload.TakeAsync(portion, server.Aborting);
        var cpu = server.Caps.LimitsCpu ? server.Caps.CpuAsync(server.Aborting) : ValueTask.CompletedTask;
        if (!taking.IsCompletedSuccessfully || !cpu.IsCompletedSuccessfully)
        {
            deadline.Clear();
            await taking;
            await cpu;
        }
        deadline.Set(server.Options.SendTimeout);
        return portion;
    }

    private ValueTask SendAsync(PeerTransport transport, byte[] bytes)
    {
        deadline.Set(server.Options.SendTimeout);
        return transport.SendAsync(bytes);
    }

    private Task<bool> RefuseAsync(PeerTransport transport, RequestHead head, CredentialFault fault)
    {
        // The date lets a node whose clock is off sign by ours. What else is wrong is told to nodes of this cluster only.
        var header = string.Create(CultureInfo.InvariantCulture,
            $"WWW-Authenticate: DatasetCache error=\"{(fault switch { CredentialFault.Clock => "clock", CredentialFault.OtherHost => "host", _ => "credential" })}\"\r\nDate: {server.Time.GetUtcNow():R}\r\n");
        return SayAsync(transport, 401, "Unauthorized", closes: fault is not CredentialFault.Clock || !IsGet(head), header);
    }

    private async Task<bool> SayAsync(PeerTransport transport, int status, string reason, bool closes = false, string? header = null)
    {
        var head = Head(status, reason, 0).Append(header);
        if (closes)
            head.Append("Connection: close\r\n");
        await SendAsync(transport, Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()));
        hasAnswered = true;
        return !closes;
    }

    private static bool IsGet(RequestHead head) => string.Equals(head.Method, "GET", StringComparison.Ordinal);

    private static StringBuilder Head(int status, string reason, long length) =>
        new StringBuilder(256).Append(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} {reason}\r\nContent-Length: {length}\r\n");

    private static void AppendChecksums(StringBuilder head, List<OpenPiece> pieces)
    {
        if (pieces.Sum(piece => piece.Ranges.Count) is 0 or > MostChecksums)
            return;
        head.Append("X-Piece-Checksums: ");
        foreach (var range in pieces.SelectMany(piece => piece.Ranges))
            head.Append(CultureInfo.InvariantCulture, $"{range.Checksum:x8},");
        head.Length--;
        head.Append("\r\n");
    }

    private static byte[] Bytes(Coordination.PieceSet held)
    {
        var bytes = new byte[held.Words.Count * sizeof(ulong)];
        for (var i = 0; i < held.Words.Count; i++)
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)), held.Words[i]);
        return bytes;
    }
}
