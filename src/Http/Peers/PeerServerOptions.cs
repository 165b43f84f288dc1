using System.Net;

namespace DatasetCache.Http.Peers;

/// <summary>Where and how a node serves pieces to others.</summary>
public sealed record PeerServerOptions
{
    /// <summary>Address and port to listen on; port 0 takes a free one. Default: 127.0.0.1, a free port.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Name or address by which other nodes reach this one; their requests are signed for it. Default: the address of <see cref="Listen"/>, which must not be "any" then.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>Connections at once, 1 to 65536; more are closed at once. Default: 512.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>Bytes of a request's head at most, 1 KiB to 64 KiB. Default: 16 KiB (a list of a thousand parts).</summary>
    public int MaxHeadBytes { get; init; } = 16 * 1024;

    /// <summary>In this time a request's head has to be complete, the TLS handshake before the first one included. Default: 5 s.</summary>
    public TimeSpan HeadTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a connection may rest between requests. Default: 60 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a requester may take nothing of its answer. Default: 20 s.</summary>
    public TimeSpan SendTimeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>How long answers under way may go on when the server stops. Default: 3 s.</summary>
    public TimeSpan StopTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>TLS for all connections. Default: null, none.</summary>
    public PeerTls? Tls { get; init; }

    /// <exception cref="ConfigurationException">A value is outside its range.</exception>
    public void Validate()
    {
        Require("PeerServerOptions.MaxConnections", MaxConnections is >= 1 and <= 65536, $"{MaxConnections}; it can be 1 to 65536");
        Require("PeerServerOptions.MaxHeadBytes", MaxHeadBytes is >= 1024 and <= 65536, $"{MaxHeadBytes}; it can be 1 KiB to 64 KiB");
        foreach (var (name, value) in new[] { ("HeadTimeout", HeadTimeout), ("IdleTimeout", IdleTimeout), ("SendTimeout", SendTimeout) })
            Require("PeerServerOptions." + name, value > TimeSpan.Zero && value < TimeSpan.FromDays(1), $"{value}; it has to be positive and below a day");
        Require("PeerServerOptions.StopTimeout", StopTimeout >= TimeSpan.Zero && StopTimeout < TimeSpan.FromMinutes(1), $"{StopTimeout}; it can be 0 to a minute");
        Require("PeerServerOptions.AdvertisedHost", AdvertisedHost is not null || !(Listen.Address.Equals(IPAddress.Any) || Listen.Address.Equals(IPAddress.IPv6Any)),
            $"not set, and {Listen.Address} is no address that others can name");
        Require("PeerServerOptions.AdvertisedHost", AdvertisedHost is null || Uri.CheckHostName(AdvertisedHost) != UriHostNameType.Unknown, $"'{AdvertisedHost}', which is neither a host name nor an address");
    }

    private static void Require(string setting, bool fits, string otherwise)
    {
        if (!fits)
            throw new ConfigurationException(setting, $"{setting} is {otherwise}.");
    }
}
