namespace DatasetCache.Silo.Membership;

/// <summary>
/// What Orleans' membership does in the database, by the names that it asks for. Whoever changes a row of a cluster says which version of the cluster he has seen, and changes
/// nothing where it is another by now: one statement each, so that both happen or neither.
/// </summary>
internal static class MembershipStatements
{
    // Orleans knows columns by these names.
    private const string Columns = """
        s.address AS "Address", s.port AS "Port", s.generation AS "Generation", s.name AS "SiloName", s.host AS "HostName", s.status AS "Status",
            s.gateway_port AS "ProxyPort", s.suspicions AS "SuspectTimes", s.started_at AS "StartTime", s.alive_at AS "IAmAliveTime", c.version AS "Version"
        """;

    private const string ThisSilo = "cluster = @DeploymentId AND address = @Address AND port = @Port AND generation = @Generation";

    public static IReadOnlyDictionary<string, string> All { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["InsertMembershipVersionKey"] = """
            WITH begun AS (INSERT INTO dscache.clusters (cluster) VALUES (@DeploymentId) ON CONFLICT DO NOTHING RETURNING 1)
            SELECT count(*)::int FROM begun
            """,
        ["InsertMembershipKey"] = $"""
            WITH stepped AS (
                UPDATE dscache.clusters SET version = version + 1, changed_at = now()
                WHERE cluster = @DeploymentId AND version = @Version
                    AND NOT EXISTS (SELECT 1 FROM dscache.silos WHERE {ThisSilo})
                RETURNING cluster
            ), joined AS (
                INSERT INTO dscache.silos (cluster, address, port, generation, name, host, status, gateway_port, started_at, alive_at)
                SELECT cluster, @Address, @Port, @Generation, @SiloName, @HostName, @Status, @ProxyPort, @StartTime, @IAmAliveTime FROM stepped
                RETURNING 1
            )
            SELECT count(*)::int FROM joined
            """,
        ["UpdateMembershipKey"] = $"""
            WITH stepped AS (
                UPDATE dscache.clusters SET version = version + 1, changed_at = now()
                WHERE cluster = @DeploymentId AND version = @Version
                    AND EXISTS (SELECT 1 FROM dscache.silos WHERE {ThisSilo})
                RETURNING cluster
            ), changed AS (
                UPDATE dscache.silos SET status = @Status, suspicions = @SuspectTimes, alive_at = @IAmAliveTime
                WHERE {ThisSilo} AND EXISTS (SELECT 1 FROM stepped)
                RETURNING 1
            )
            SELECT count(*)::int FROM changed
            """,
        ["UpdateIAmAlivetimeKey"] = $"""
            UPDATE dscache.silos SET alive_at = @IAmAliveTime, heard_at = now() WHERE {ThisSilo}
            """,
        ["MembershipReadRowKey"] = $"""
            SELECT {Columns}
            FROM dscache.clusters c LEFT JOIN dscache.silos s
                ON s.cluster = c.cluster AND s.address = @Address AND s.port = @Port AND s.generation = @Generation
            WHERE c.cluster = @DeploymentId
            """,
        ["MembershipReadAllKey"] = $"""
            SELECT {Columns}
            FROM dscache.clusters c LEFT JOIN dscache.silos s ON s.cluster = c.cluster
            WHERE c.cluster = @DeploymentId
            """,
        ["GatewaysQueryKey"] = """
            SELECT address AS "Address", gateway_port AS "ProxyPort", generation AS "Generation"
            FROM dscache.silos WHERE cluster = @DeploymentId AND status = @Status AND gateway_port > 0
            """,
        ["DeleteMembershipTableEntriesKey"] = """
            WITH gone AS (DELETE FROM dscache.silos WHERE cluster = @DeploymentId)
            DELETE FROM dscache.clusters WHERE cluster = @DeploymentId
            """,
        // All but the active ones (3): one of these that is late is for the others to vote on.
        ["CleanupDefunctSiloEntriesKey"] = """
            DELETE FROM dscache.silos WHERE cluster = @DeploymentId AND alive_at < @IAmAliveTime AND status <> 3
            """,
    };
}
