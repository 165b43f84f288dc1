using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>A real PostgreSQL: the one that <c>DSCACHE_TEST_POSTGRES</c> names by its connection string, or one that <c>tests/servers/postgres</c> starts for this process, once.</summary>
internal static class PostgresServer
{
    private static readonly SemaphoreSlim One = new(1, 1);
    private static readonly Dictionary<string, string> Started = new(StringComparer.Ordinal);

    /// <param name="address">Null for 127.0.0.1; else another address of this host where it shall listen, one server for each.</param>
    public static async Task<string> ConnectionStringAsync(IPAddress? address = null)
    {
        await One.WaitAsync();
        try
        {
            var key = address?.ToString() ?? "";
            if (!Started.TryGetValue(key, out var there))
                Started[key] = there = await StartAsync(address);
            return there;
        }
        finally
        {
            One.Release();
        }
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static async Task<string> StartAsync(IPAddress? address)
    {
        if (address is null && Environment.GetEnvironmentVariable("DSCACHE_TEST_POSTGRES") is { Length: > 0 } named)
            return named;
        var folder = Path.Combine(Path.GetTempPath(), $"dscache-postgres-{Environment.ProcessId}-{Started.Count}");
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "tests/servers/postgres")) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in (string[])["start", folder, FreePort().ToString(System.Globalization.CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        start.Environment["DSCACHE_POSTGRES_OWNER"] = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (address is not null)
            start.Environment["DSCACHE_POSTGRES_LISTEN"] = address.ToString();
        using var process = Process.Start(start)!;
        var said = (await process.StandardOutput.ReadLineAsync())?.Trim();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 && said is not null ? said : throw new InvalidOperationException("tests/servers/postgres failed; its stderr says why.");
    }
}
