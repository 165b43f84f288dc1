using System.Net.Sockets;
using System.Text;

namespace DatasetCache.Http.Serving;

/// <summary>Tells systemd (Type=notify) that the node is ready, or stops: a datagram to the socket that NOTIFY_SOCKET names. Does nothing where there is none.</summary>
internal sealed class SystemdNotifier(string? socketPath)
{
    public void Ready(string status) => Send($"READY=1\nSTATUS={status}");

    public void Stopping() => Send("STOPPING=1\nSTATUS=Stopping");

    private void Send(string message)
    {
        if (string.IsNullOrEmpty(socketPath))
            return;
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
            // '@' stands for the zero byte of a name that is in no file system.
            socket.SendTo(Encoding.UTF8.GetBytes(message), new UnixDomainSocketEndPoint(socketPath[0] == '@' ? "\0" + socketPath[1..] : socketPath));
        }
        catch (SocketException)
        {
            // Whoever does not listen is not told.
        }
    }
}
