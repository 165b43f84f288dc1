using System.Net;
using System.Security.Cryptography;
using DatasetCache.Configuration;
using DatasetCache.Http.Access;

namespace DatasetCache.Http.Serving;

/// <summary>Reads where a node's HTTP API listens and who may use it, and refuses what would let anybody in.</summary>
internal sealed class ApiSettingReader(NodeConfiguration configuration, SettingParser parser)
{
    private readonly SettingErrors errors = configuration.Errors;

    private bool HasTls => parser.Text(NodeSettingTable.ApiCertificate) is not null || parser.Text(NodeSettingTable.ApiKey) is not null;

    /// <summary>The listener for this host, and the one for others.</summary>
    public (IPEndPoint Local, IPEndPoint? Open) Addresses()
    {
        var local = new IPEndPoint(IPAddress.Loopback, parser.Integer(NodeSettingTable.ApiPort, 0, 65535));
        var listen = configuration.Node[NodeSettingTable.ApiListen];
        if (listen.Source.Origin == SettingOrigin.Default)
            return (local, null);
        if (!ListenAddress.TryParse(listen.Value!, out var given))
        {
            errors.Add(listen, ListenAddress.Expected);
            return (local, null);
        }
        if (given.IsHttps is { } secure && secure != HasTls)
        {
            errors.Add(listen.Setting.Name, $"api.listen is '{listen.Value}' ({listen.Source}), and api.tls.certificate is {(HasTls ? "" : "not ")}set: say {(HasTls ? "https" : "http")}, or {(HasTls ? "unset" : "set")} it.");
        }
        var at = new IPEndPoint(given.Address, given.Port ?? local.Port);
        if (IPAddress.IsLoopback(at.Address) && !HasTls)
            return (at, null);
        // One port cannot be both: what this host's command lines talk to has no TLS.
        var isSame = at.Port == local.Port && at.Port != 0 && (at.Address.Equals(local.Address) || at.Address.Equals(IPAddress.Any) || at.Address.Equals(IPAddress.IPv6Any));
        if (!isSame)
            return (local, at);
        var port = configuration.Node[NodeSettingTable.ApiPort];
        if (port.Source.Origin != SettingOrigin.Default)
            errors.Add(NodeSettingTable.ApiPort, $"api.port is {port.Value} ({port.Source}), and api.listen is '{listen.Value}' ({listen.Source}), which has it too: what this host itself uses (api.port) needs another one, or 0.");
        return (new IPEndPoint(IPAddress.Loopback, 0), at);
    }

    public string? Tokens(IPEndPoint? open)
    {
        var isBeyond = open is not null && !IPAddress.IsLoopback(open.Address);
        if (parser.Text(NodeSettingTable.ApiTokens) is { } file)
        {
            if (TokenFile.Problem(file) is { } problem)
                errors.Add(NodeSettingTable.ApiTokens, $"api.tokens is '{file}' ({configuration.Node[NodeSettingTable.ApiTokens].Source}), and cannot be used: {problem}");
            return file;
        }
        if (isBeyond)
        {
            errors.Add(NodeSettingTable.ApiTokens, $"{Beyond(open!)}, and api.tokens is not set: whoever reaches it would need no credential. Make a token with 'dscache token new NAME operator --file FILE', "
                + "and name the file in api.tokens (DSCACHE_API_TOKENS).");
        }
        return null;
    }

    public ApiTls? Tls(IPEndPoint? open)
    {
        var (certificate, key) = (parser.Text(NodeSettingTable.ApiCertificate), parser.Text(NodeSettingTable.ApiKey));
        var isPlain = parser.Flag(NodeSettingTable.ApiPlain);
        if (certificate is null != key is null)
        {
            var (set, unset) = certificate is null ? (NodeSettingTable.ApiKey, NodeSettingTable.ApiCertificate) : (NodeSettingTable.ApiCertificate, NodeSettingTable.ApiKey);
            errors.Add(unset, $"{set} is set ({configuration.Node[set].Source}), and {unset} is not: TLS needs both.");
            return null;
        }
        if (certificate is null)
        {
            if (open is not null && !IPAddress.IsLoopback(open.Address) && !isPlain)
            {
                errors.Add(NodeSettingTable.ApiCertificate, $"{Beyond(open)}, and there is no TLS: tokens and data could be read on the way. Set api.tls.certificate and api.tls.key, "
                    + "or api.plain=true where the network is encrypted itself or a proxy does TLS.");
            }
            return null;
        }
        if (open is null)
        {
            errors.Add(NodeSettingTable.ApiListen, $"api.tls.certificate is set ({configuration.Node[NodeSettingTable.ApiCertificate].Source}), and api.listen is not: what only this host uses has no TLS. Set api.listen, or unset api.tls.*.");
            return null;
        }
        try
        {
            return ApiTls.Open(certificate, key!, TimeProvider.System);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            errors.Add(NodeSettingTable.ApiCertificate, $"The certificate {certificate} with {key} (api.tls.certificate, api.tls.key) cannot be used: {e.Message}");
            return null;
        }
    }

    private string Beyond(IPEndPoint open) => $"api.listen is '{open}' ({configuration.Node[NodeSettingTable.ApiListen].Source}), beyond this host";
}
