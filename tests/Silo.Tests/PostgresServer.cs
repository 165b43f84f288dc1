using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>A real PostgreSQL: the one that <c>DSCACHE_TEST_POSTGRES</c> names by its connection string, or one that <c>tests/servers/postgres</c> starts for this process, once.</summary>
internal static class PostgresServer
{
    private static readonly SemaphoreSlim One = new(1, 1);
    private static string? started;

    public static async Task<string> ConnectionStringAsync()
    {
        await One.WaitAsync();
        try
        {
            return started ??= await StartAsync();
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

    private static async Task<string> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("DSCACHE_TEST_POSTGRES") is { Length: > 0 } named)
            return named;
        var folder = Path.Combine(Path.GetTempPath(), $"dscache-postgres-{Environment.ProcessId}");
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "tests/servers/postgres")) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var argument in (string[])["start", folder, FreePort().ToString(System.Globalization.CultureInfo.InvariantCulture)])
            start.ArgumentList.Add(argument);
        start.Environment["DSCACHE_POSTGRES_OWNER"] = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        var said = (await process.StandardOutput.ReadLineAsync())?.Trim();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 && said is not null ? said : throw new InvalidOperationException("tests/servers/postgres failed; its stderr says why.");
    }
}
