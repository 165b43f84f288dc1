namespace DatasetCache.Configuration;

/// <summary>What a node of a cluster can be told, besides all that <see cref="SettingTable"/> has. From the same places: flags of the silo, environment, <c>dscache.json</c>.</summary>
public static class NodeSettingTable
{
    public const string NodeId = "node.id";
    public const string NodeLeaseTtl = "node.leaseTtl";
    public const string ApiPort = "api.port";
    public const string ApiListen = "api.listen";
    public const string ApiTokens = "api.tokens";
    public const string ApiCertificate = "api.tls.certificate";
    public const string ApiKey = "api.tls.key";
    public const string ApiPlain = "api.plain";
    public const string ApiMemory = "api.memory";
    public const string ClusterId = "cluster.id";
    public const string ClusterDatabase = "cluster.database";
    public const string ClusterSecret = "cluster.secret";
    public const string ClusterSecretFile = "cluster.secretFile";
    public const string ClusterNetwork = "cluster.network";
    public const string ClusterAddress = "cluster.address";
    public const string ClusterSiloPort = "cluster.siloPort";
    public const string ClusterGatewayPort = "cluster.gatewayPort";
    public const string ClusterDataPort = "cluster.dataPort";
    public const string ClusterCertificate = "cluster.tls.certificate";
    public const string ClusterKey = "cluster.tls.key";
    public const string ClusterAuthorities = "cluster.tls.authorities";
    public const string ClusterUpload = "cluster.upload";
    public const string ClusterDownload = "cluster.download";
    public const string ClusterCpu = "cluster.cpu";

    public static IReadOnlyList<Setting> All { get; } =
    [
        Of(NodeId, "--node-id", "DSCACHE_NODE_ID", "the host's name",
            "This node's name in the cluster: A-Z, a-z, 0-9, '.', '-' and '_', at most 100."),
        Of(NodeLeaseTtl, "--lease-ttl", "DSCACHE_NODE_LEASE_TTL", "2m",
            "How long a job's lease holds when nobody renews it."),
        Of(ApiPort, "--api-port", "DSCACHE_API_PORT", "4680",
            "Port of the local HTTP API and the dashboard, on loopback; 0 takes a free one. The command line finds it through node.lock."),
        Of(ApiListen, "--listen", "DSCACHE_API_LISTEN", "127.0.0.1 and api.port",
            "Address, or address:port, that the HTTP API and the pages listen on for others; beyond loopback api.tokens and TLS must be set."),
        Of(ApiTokens, "--tokens", "DSCACHE_API_TOKENS", null,
            "File of who may use the API: lines 'name role sha256:HEX' as 'dscache token new' prints them; changes count at once."),
        Of(ApiCertificate, "--api-certificate", "DSCACHE_API_TLS_CERTIFICATE", null,
            "Certificate (PEM, with its chain) for the HTTP API where api.listen is; a renewed one counts within a minute."),
        Of(ApiKey, "--api-key", "DSCACHE_API_TLS_KEY", null,
            "The private key of that certificate (PEM)."),
        Of(ApiPlain, "--api-plain", "DSCACHE_API_PLAIN", "false",
            "Listen beyond loopback without TLS: tokens and data can be read on the way. For a network that is encrypted itself, or a proxy that does TLS.") with { Choices = ["true", "false"] },
        Of(ApiMemory, "--api-memory", "DSCACHE_API_MEMORY", "256MiB",
            "Memory for small files (up to 1 MiB each) that are read often over HTTP; 0 for none."),
        Of(ClusterId, "--cluster-id", "DSCACHE_CLUSTER_ID", "dscache",
            "Nodes with the same id and database are one cluster."),
        Of(ClusterDatabase, null, "DSCACHE_CLUSTER_DATABASE", null,
            "Connection string of the PostgreSQL database in which nodes find each other; not set means a cluster of one, for development.") with { IsSecret = true },
        Of(ClusterSecret, null, "DSCACHE_CLUSTER_SECRET", null,
            "What all nodes share and nobody else knows, 32 bytes or more; it signs their requests to each other.") with { IsSecret = true },
        Of(ClusterSecretFile, "--cluster-secret-file", "DSCACHE_CLUSTER_SECRET_FILE", null,
            "A file that holds it, in place of cluster.secret."),
        Of(ClusterNetwork, "--cluster-network", "DSCACHE_CLUSTER_NETWORK", null,
            "The network of the nodes, such as 10.1.0.0/16: the node listens on its own address in it. Only nodes may be able to reach it."),
        Of(ClusterAddress, "--cluster-address", "DSCACHE_CLUSTER_ADDRESS", "the host's address in cluster.network, or else 127.0.0.1",
            "The address that other nodes reach this one by."),
        Of(ClusterSiloPort, "--silo-port", "DSCACHE_CLUSTER_SILO_PORT", "11111",
            "Port for the other nodes' Orleans."),
        Of(ClusterGatewayPort, "--gateway-port", "DSCACHE_CLUSTER_GATEWAY_PORT", "30000",
            "Port for Orleans clients of this host, on loopback."),
        Of(ClusterDataPort, "--data-port", "DSCACHE_CLUSTER_DATA_PORT", "4681",
            "Port for the pieces that nodes give each other."),
        Of(ClusterCertificate, "--tls-certificate", "DSCACHE_CLUSTER_TLS_CERTIFICATE", null,
            "This node's certificate (PEM) for mutual TLS between nodes, on all ports but the local API's."),
        Of(ClusterKey, "--tls-key", "DSCACHE_CLUSTER_TLS_KEY", null,
            "The private key of that certificate (PEM)."),
        Of(ClusterAuthorities, "--tls-authorities", "DSCACHE_CLUSTER_TLS_AUTHORITIES", null,
            "The authorities (PEM) that other nodes' certificates come from; the system's own are not believed."),
        Of(ClusterUpload, "--upload", "DSCACHE_CLUSTER_UPLOAD", "0",
            "Bytes a second that this node sends to others at most; 0 for no bound."),
        Of(ClusterDownload, "--download", "DSCACHE_CLUSTER_DOWNLOAD", "0",
            "Bytes a second that this node takes from others at most; 0 for no bound."),
        Of(ClusterCpu, "--cpu", "DSCACHE_CLUSTER_CPU", "0",
            "Percent of the machine's processors that transfers between nodes may take; 0 for no bound."),
    ];

    public static Setting? Find(string name) => All.FirstOrDefault(setting => string.Equals(setting.Name, name, StringComparison.Ordinal));

    /// <summary>Each in the order of <see cref="All"/>, with the place that it comes from: what a node without flags would take.</summary>
    /// <exception cref="ConfigurationException">A file cannot be read.</exception>
    public static IReadOnlyList<ResolvedSetting> Resolve(Func<string, string?> environment, IReadOnlyList<string> configFiles)
    {
        var errors = new SettingErrors();
        var files = configFiles.Select(path => ConfigFile.TryRead(path, errors)).OfType<ConfigFile>().ToArray();
        var layers = new SettingLayers(new Dictionary<string, string>(StringComparer.Ordinal), environment, files, errors);
        ResolvedSetting[] resolved = [.. All.Select(layers.Resolve).Select(setting => string.Equals(setting.Setting.Name, NodeId, StringComparison.Ordinal) && setting.Source.Origin == SettingOrigin.Default
            ? setting with { Value = System.Environment.MachineName }
            : setting)];
        errors.ThrowIfAny();
        return resolved;
    }

    private static Setting Of(string name, string? flag, string variable, string? defaultText, string description) =>
        new() { Name = name, Flag = flag, Variables = [variable], Default = defaultText, Description = description };
}
