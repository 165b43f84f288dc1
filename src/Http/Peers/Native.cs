using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace DatasetCache.Http.Peers;

/// <summary>What .NET has no call for.</summary>
internal static partial class Native
{
    public const int Again = 11;
    public const int Interrupted = 4;
    private const int ThreadCpuTime = 3;
    private const int TcpLevel = 6;
    private const int TcpCork = 3;

    /// <summary>Sends from a file's pages without copying them; the file's own position is not touched.</summary>
    /// <returns>Bytes sent, 0 at the file's end, or -errno.</returns>
    public static nint SendFile(SafeSocketHandle socket, int file, long offset, nint count)
    {
        var sent = SendFile64(socket, file, ref offset, count);
        return sent >= 0 ? sent : -Marshal.GetLastPInvokeError();
    }

    /// <summary>While corked, only full packets leave: a head and a hundred small files share them. Uncorking sends the rest at once.</summary>
    public static void Cork(Socket socket, bool on) => socket.SetRawSocketOption(TcpLevel, TcpCork, BitConverter.GetBytes(on ? 1 : 0));

    public static long ThreadCpuNanoseconds() => ClockGetTime(ThreadCpuTime, out var time) == 0 ? (time.Seconds * 1_000_000_000) + time.Nanoseconds : 1;

    [LibraryImport("libc", EntryPoint = "sendfile64", SetLastError = true)]
    private static partial nint SendFile64(SafeSocketHandle socket, int file, ref long offset, nint count);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}
