using Npgsql;

namespace DatasetCache.Silo.Membership;

/// <summary>
/// The tables in which nodes find each other, in the schema <c>dscache</c> of a PostgreSQL database. Made by whichever silo comes first; running it again changes nothing.
/// Orleans reads the statements that it shall use from a table, by their names: these are this project's own.
/// </summary>
internal static class MembershipSchema
{
    public const string Name = "dscache";

    // Any number that nobody else uses: silos that start together make the schema one after the other.
    private const long LockNumber = 0x6473_6361_6368_6531;

    /// <summary>Has a connection find the schema without naming it, as Orleans' own statement for the list of statements does.</summary>
    public static string Within(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { SearchPath = Name, ApplicationName = "dscache-silo" }.ConnectionString;

    /// <exception cref="ConfigurationException">The database cannot be reached, or does not let this user make the schema.</exception>
    /// <param name="secretMark">What follows from the cluster's secret, and from which it does not follow: nodes of one cluster have the same.</param>
    public static async Task EnsureAsync(string connectionString, string clusterId, string secretMark, CancellationToken cancellationToken)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        try
        {
            await using var connection = new NpgsqlConnection(Within(connectionString));
            await connection.OpenAsync(cancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
            await RunAsync(connection, $"SELECT pg_advisory_xact_lock({LockNumber})", cancellationToken);
            if (!await IsCurrentAsync(connection, cancellationToken))
            {
                await RunAsync(connection, MembershipTables, cancellationToken);
                foreach (var (key, text) in MembershipStatements.All)
                {
                    await using var command = new NpgsqlCommand(
                        "INSERT INTO dscache.OrleansQuery (QueryKey, QueryText) VALUES ($1, $2) ON CONFLICT (QueryKey) DO UPDATE SET QueryText = EXCLUDED.QueryText", connection);
                    command.Parameters.AddWithValue(key);
                    command.Parameters.AddWithValue(text);
                    await command.ExecuteNonQueryAsync(cancellationToken);
                }
            }
            await CompareSecretAsync(connection, clusterId, secretMark, cancellationToken);
            await transaction.CommitAsync(cancellationToken);
        }
        catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
        {
            throw new ConfigurationException("cluster.database",
                $"The database '{server.Database}' at {server.Host}:{server.Port} (cluster.database) cannot be used by the user '{server.Username}': {e.Message}",
                "Check that it runs and that the user may connect and create a schema in it (GRANT CREATE ON DATABASE), or may use the schema 'dscache' that is there.");
        }
    }

    // Nodes with two secrets refuse each other's calls, and take each other for dead. The first one that starts where nobody has been alive for a minute says which it is.
    private static async Task CompareSecretAsync(NpgsqlConnection connection, string clusterId, string secretMark, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("""
            INSERT INTO dscache.secrets AS known (cluster, mark) VALUES ($1, $2)
            ON CONFLICT (cluster) DO UPDATE SET mark = CASE
                WHEN EXISTS (SELECT 1 FROM dscache.silos s WHERE s.cluster = $1 AND s.status = 3 AND s.alive_at > now() - interval '1 minute') THEN known.mark
                ELSE EXCLUDED.mark END
            RETURNING mark
            """, connection);
        command.Parameters.AddWithValue(clusterId);
        command.Parameters.AddWithValue(secretMark);
        if (await command.ExecuteScalarAsync(cancellationToken) is string mark && !string.Equals(mark, secretMark, StringComparison.Ordinal))
        {
            throw new ConfigurationException("cluster.secret", $"The nodes of the cluster '{clusterId}' that run now have another secret (cluster.secret) than this one.",
                "Give this node theirs. To change it, stop all nodes, and start them a minute later with the new one.");
        }
    }

    // A user who may only use what is there need not be allowed to make it.
    private static async Task<bool> IsCurrentAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using (var exists = new NpgsqlCommand("SELECT to_regclass('dscache.orleansquery') IS NOT NULL AND to_regclass('dscache.secrets') IS NOT NULL", connection))
        {
            if (await exists.ExecuteScalarAsync(cancellationToken) is not true)
                return false;
        }
        var there = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var command = new NpgsqlCommand("SELECT QueryKey, QueryText FROM dscache.OrleansQuery", connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
            there[reader.GetString(0)] = reader.GetString(1);
        return MembershipStatements.All.All(statement => there.TryGetValue(statement.Key, out var text) && string.Equals(text, statement.Value, StringComparison.Ordinal));
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private const string MembershipTables = """
        CREATE SCHEMA IF NOT EXISTS dscache;

        CREATE TABLE IF NOT EXISTS dscache.OrleansQuery (
            QueryKey text PRIMARY KEY,
            QueryText text NOT NULL
        );

        CREATE TABLE IF NOT EXISTS dscache.clusters (
            cluster text PRIMARY KEY,
            version integer NOT NULL DEFAULT 0,
            changed_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE IF NOT EXISTS dscache.silos (
            cluster text NOT NULL REFERENCES dscache.clusters,
            address text NOT NULL,
            port integer NOT NULL,
            generation integer NOT NULL,
            name text NOT NULL,
            host text NOT NULL,
            status integer NOT NULL,
            gateway_port integer NOT NULL,
            suspicions text,
            started_at timestamptz NOT NULL,
            alive_at timestamptz NOT NULL,
            PRIMARY KEY (cluster, address, port, generation)
        );

        -- When it last said that it lives, by the clock of the database.
        ALTER TABLE dscache.silos ADD COLUMN IF NOT EXISTS heard_at timestamptz NOT NULL DEFAULT now();

        CREATE TABLE IF NOT EXISTS dscache.secrets (
            cluster text PRIMARY KEY,
            mark text NOT NULL
        );
        """;
}
