using System.Net;
using System.Net.Sockets;
using System.Text;
using DatasetCache.Http.Peers;

namespace DatasetCache.Http.Tests.Peers;

/// <summary>Speaks to a server by hand.</summary>
internal static class RawRequest
{
    /// <summary>Sends these bytes on a connection of its own and reads until it is closed (or until the answers that were asked for are here).</summary>
    public static async Task<string> SendAsync(int port, string text)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port);
        try
        {
            await socket.SendAsync(Encoding.Latin1.GetBytes(text));
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException)
        {
            // It has heard enough.
        }
        var answer = new MemoryStream();
        var buffer = new byte[65536];
        try
        {
            while (await socket.ReceiveAsync(buffer) is > 0 and var count)
                answer.Write(buffer, 0, count);
        }
        catch (SocketException)
        {
            // What came before counts.
        }
        return Encoding.Latin1.GetString(answer.ToArray());
    }

    public static string Get(string target, string host, string? authorization, string method = "GET") =>
        $"{method} {target} HTTP/1.1\r\nHost: {host}\r\n" + (authorization is null ? "" : $"Authorization: {authorization}\r\n") + "\r\n";

    /// <summary>A request with the right credential.</summary>
    public static string Signed(PeerGround ground, string target, string method = "GET") =>
        Get(target, ground.Server.Endpoint, PeerCredential.Sign(PeerSecret.Of(PeerGround.SecretText), "node-b", ground.Server.Endpoint, target, TimeProvider.System.GetUtcNow() + PeerCredential.Life, method), method);

    public static int Status(string answer) => answer.Length < 12 ? 0 : int.Parse(answer.AsSpan(9, 3), System.Globalization.CultureInfo.InvariantCulture);
}
