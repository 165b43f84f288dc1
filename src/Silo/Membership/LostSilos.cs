using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace DatasetCache.Silo.Membership;

/// <summary>
/// Who joins must reach every silo that the table calls active, and waits a minute for those that are gone. Nodes that were killed all at once have left nobody who would vote them
/// out: whoever comes first clears up, and every node what it has left behind itself.
/// </summary>
internal sealed class LostSilos(string connectionString, string cluster, string node, TimeProvider time)
{
    // A silo is heard of every ten seconds (SiloClustering). By the database's clock: those of the nodes may be apart.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private const int Dead = 6;

    /// <summary>Returns when there is none left that would keep this node from joining, as far as can be known from here.</summary>
    /// <exception cref="ConfigurationException">Another process that lives has this node's id.</exception>
    public async Task ClearAsync(CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(MembershipSchema.Within(connectionString));
        await connection.OpenAsync(cancellationToken);
        var started = time.GetTimestamp();
        while (true)
        {
            var silos = await ReadAsync(connection, cancellationToken);
            var answering = await Task.WhenAll(silos.Select(silo => AnswersAsync(silo, cancellationToken)));
            var silent = silos.Where((_, i) => !answering[i]).ToArray();
            // Its root is locked by this process: its own predecessor is gone, unless somebody answers there.
            foreach (var silo in silent.Where(silo => IsOwn(silo) || silo.Silent >= Silence))
                await DeclareDeadAsync(connection, silo, cancellationToken);
            var twin = silos.Where((silo, i) => answering[i] && IsOwn(silo) && silo.Silent < Silence).FirstOrDefault();
            var isOver = time.GetElapsedTime(started) > Silence + Pause;
            if (twin is not null && isOver)
            {
                throw new ConfigurationException("node.id", $"Another node of the cluster '{cluster}' has the id '{node}' (node.id), too: it runs at {twin.Address}:{twin.Port}.",
                    "Give each node an id of its own (--node-id, DSCACHE_NODE_ID), or stop the other.");
            }
            // The others vote out whom they cannot reach; Orleans waits for the rest.
            if (isOver || (twin is null && !silent.Any(silo => !IsOwn(silo) && silo.Silent < Silence)))
                return;
            await Task.Delay(Pause, time, cancellationToken);
        }
    }

    private bool IsOwn(Row silo) => string.Equals(silo.Name, node, StringComparison.Ordinal);

    private async Task<IReadOnlyList<Row>> ReadAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var rows = new List<Row>();
        await using var command = new NpgsqlCommand(
            "SELECT name, address, port, generation, now() - heard_at FROM dscache.silos WHERE cluster = $1 AND (status = 3 OR name = $2 AND status <> 6)", connection);
        command.Parameters.AddWithValue(cluster);
        command.Parameters.AddWithValue(node);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(new Row(reader.GetString(0), reader.GetString(1), reader.GetInt32(2), reader.GetInt32(3), reader.GetTimeSpan(4)));
        return rows;
    }

    // One that was heard of meanwhile lives. The cluster's version steps on, so that whoever has read the table before reads it again.
    private async Task DeclareDeadAsync(NpgsqlConnection connection, Row silo, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("""
            WITH gone AS (
                UPDATE dscache.silos SET status = $5
                WHERE cluster = $1 AND address = $2 AND port = $3 AND generation = $4 AND status <> $5 AND (name = $6 OR now() - heard_at >= $7)
                RETURNING cluster
            )
            UPDATE dscache.clusters SET version = version + 1, changed_at = now() WHERE cluster IN (SELECT cluster FROM gone)
            """, connection);
        foreach (var value in (object[])[cluster, silo.Address, silo.Port, silo.Generation, Dead, node, Silence])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task<bool> AnswersAsync(Row silo, CancellationToken cancellationToken)
    {
        if (!IPAddress.TryParse(silo.Address, out var address))
            return false;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var timeout = time.CreateTimer(_ => enough.Cancel(), state: null, ConnectTimeout, Timeout.InfiniteTimeSpan);
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, silo.Port), enough.Token);
            return true;
        }
        catch (Exception e) when (e is SocketException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }

    private sealed record Row(string Name, string Address, int Port, int Generation, TimeSpan Silent);
}
