using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>A BitTorrent tracker (BEP 3 and 23): tells who asks of all others of the same torrent.</summary>
internal sealed class Tracker
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<(IPAddress Address, ushort Port), byte>> torrents = new(StringComparer.Ordinal);
    private int announced;

    public int Announced => Volatile.Read(ref announced);

    public async Task AnswerAsync(HttpContext context)
    {
        // Twenty bytes percent-encoded, which are no text: as they came.
        var torrent = context.Request.QueryString.Value!.TrimStart('?').Split('&').First(part => part.StartsWith("info_hash=", StringComparison.Ordinal));
        var self = (context.Connection.RemoteIpAddress!.MapToIPv4(), ushort.Parse(context.Request.Query["port"].ToString(), System.Globalization.CultureInfo.InvariantCulture));
        var peers = torrents.GetOrAdd(torrent, _ => new());
        var others = peers.Keys.Where(peer => peer != self).SelectMany(peer => (byte[])[.. peer.Address.GetAddressBytes(), (byte)(peer.Port >> 8), (byte)peer.Port]).ToArray();
        if (context.Request.Query["event"] == "stopped")
            peers.TryRemove(self, out _);
        else
            peers[self] = 0;
        Interlocked.Increment(ref announced);
        byte[] answer = [.. Encoding.ASCII.GetBytes($"d8:intervali60e5:peers{others.Length}:"), .. others, (byte)'e'];
        context.Response.ContentType = "text/plain";
        context.Response.ContentLength = answer.Length;
        await context.Response.Body.WriteAsync(answer);
    }
}
