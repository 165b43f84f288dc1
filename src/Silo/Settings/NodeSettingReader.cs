using System.Net;
using System.Text;
using DatasetCache.Configuration;
using DatasetCache.Http.Peers;
using DatasetCache.Http.Serving;
using Npgsql;

namespace DatasetCache.Silo.Settings;

/// <summary>Turns the texts of a node's settings into what they mean.</summary>
internal sealed class NodeSettingReader(NodeConfiguration configuration)
{
    private readonly IReadOnlyDictionary<string, ResolvedSetting> resolved = configuration.Node;
    private readonly SettingErrors errors = configuration.Errors;
    private readonly SettingParser parser = new(configuration.Node, configuration.Errors);

    /// <summary>What is wrong goes to the errors.</summary>
    public NodeSettings Read()
    {
        var database = Database();
        var tls = Tls();
        var secret = Secret(database is not null);
        var address = new ClusterAddress(resolved, errors, tls is not null).Choose();
        return new NodeSettings
        {
            Serving = ServingSettings.Read(configuration),
            ClusterId = ServingSettings.NameOf(configuration, NodeSettingTable.ClusterId, Text(NodeSettingTable.ClusterId)),
            Database = database,
            Secret = secret,
            Address = address ?? IPAddress.Loopback,
            SiloPort = parser.Integer(NodeSettingTable.ClusterSiloPort, 1, 65535),
            GatewayPort = parser.Integer(NodeSettingTable.ClusterGatewayPort, 1, 65535),
            DataPort = parser.Integer(NodeSettingTable.ClusterDataPort, 0, 65535),
            Tls = tls,
            Limits = Limits(),
        };
    }

    private string? Text(string name) => parser.Text(name);

    private string? Database()
    {
        if (Text(NodeSettingTable.ClusterDatabase) is not { } text)
            return null;
        try
        {
            var builder = new NpgsqlConnectionStringBuilder(text);
            if (!string.IsNullOrEmpty(builder.Host))
                return builder.ConnectionString;
            Refuse("it names no Host");
        }
        catch (ArgumentException e)
        {
            Refuse(e.Message);
        }
        return null;

        void Refuse(string why)
        {
            // Never the text itself: it holds a password.
            errors.Add(NodeSettingTable.ClusterDatabase, $"cluster.database ({resolved[NodeSettingTable.ClusterDatabase].Source}) is no connection string: {why}. "
                + "It must be such as 'Host=db.example.com;Database=dscache;Username=dscache;Password=…'.");
        }
    }

    private PeerSecret? Secret(bool needed)
    {
        var (value, file) = (Text(NodeSettingTable.ClusterSecret), Text(NodeSettingTable.ClusterSecretFile));
        if (value is not null && file is not null)
            errors.Add(NodeSettingTable.ClusterSecretFile, $"cluster.secretFile is '{file}' and cluster.secret is set, too ({resolved[NodeSettingTable.ClusterSecret].Source}): set one of them.");
        if (value is null && file is null)
        {
            if (needed)
            {
                errors.Add(NodeSettingTable.ClusterSecret, "cluster.secret is not set, and cluster.database is: nodes sign their requests to each other with it. "
                    + "Make one with 'openssl rand -hex 32', and give the same to every node in DSCACHE_CLUSTER_SECRET or a file that DSCACHE_CLUSTER_SECRET_FILE names.");
            }
            return null;
        }
        try
        {
            return PeerSecret.Of(value ?? File.ReadAllText(file!, Encoding.UTF8));
        }
        catch (ConfigurationException e)
        {
            errors.Add(NodeSettingTable.ClusterSecret, e.Advice is null ? e.Message : $"{e.Message} {e.Advice}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add(NodeSettingTable.ClusterSecretFile, $"cluster.secretFile is '{file}' ({resolved[NodeSettingTable.ClusterSecretFile].Source}), and cannot be read: {e.Message}");
        }
        return null;
    }

    private NodeTls? Tls()
    {
        string[] names = [NodeSettingTable.ClusterCertificate, NodeSettingTable.ClusterKey, NodeSettingTable.ClusterAuthorities];
        var set = names.Where(name => Text(name) is not null).ToArray();
        if (set.Length == 0)
            return null;
        if (set.Length < names.Length)
        {
            errors.Add(set[0], $"{set[0]} is set, and {string.Join(" and ", names.Except(set, StringComparer.Ordinal))} is not: mutual TLS needs all three of {string.Join(", ", names)}.");
            return null;
        }
        try
        {
            return NodeTls.Load(Text(names[0])!, Text(names[1])!, Text(names[2])!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            errors.Add(names[0], $"The certificates {Text(names[0])}, {Text(names[1])} and {Text(names[2])} ({string.Join(", ", names)}) cannot be used: {e.Message}");
            return null;
        }
    }

    private TransferLimits Limits()
    {
        var limits = new TransferLimits
        {
            UploadBytesPerSecond = parser.Rate(NodeSettingTable.ClusterUpload),
            DownloadBytesPerSecond = parser.Rate(NodeSettingTable.ClusterDownload),
            CpuPercent = parser.Integer(NodeSettingTable.ClusterCpu, 0, 100),
        };
        try
        {
            limits.Validate();
        }
        catch (ConfigurationException e)
        {
            errors.Add(e.Setting, e.Message);
        }
        return limits;
    }
}
