namespace DatasetCache.Http.Peers;

/// <summary>How long a node waits for others, and when it gives one up.</summary>
public sealed record PeerClientOptions
{
    /// <summary>How long a connection may take to be made. Default: 1 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a node may send nothing while something is expected of it: a dead one is given up after this. Default: 1.5 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>Over how long the speed of an answer is taken. Default: 4 s.</summary>
    public TimeSpan SpeedWindow { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>Bytes a second below which an answer is given up, whatever others do. Default: 1 KiB.</summary>
    public long LeastBytesPerSecond { get; init; } = 1024;

    /// <summary>
    /// Bytes a second below which an answer is given up where another node was four times as fast within the last half minute; a node that is asked again all the same
    /// within a minute is borne with. Default: 64 KiB.
    /// </summary>
    public long SlowBytesPerSecond { get; init; } = 64 * 1024;

    /// <summary>Connections to one node that are kept for the next request. Default: 8.</summary>
    public int IdleConnections { get; init; } = 8;

    /// <summary>How long they are kept: less than a server keeps them. Default: 30 s.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of a manifest document at most. Default: 1 GiB.</summary>
    public int MaxManifestBytes { get; init; } = 1 << 30;

    /// <summary>TLS for all connections; the nodes' servers have to have it, too. Default: null, none.</summary>
    public PeerTls? Tls { get; init; }

    /// <exception cref="ConfigurationException">A value is outside its range.</exception>
    public void Validate()
    {
        foreach (var (name, value) in new[] { ("ConnectTimeout", ConnectTimeout), ("StallTimeout", StallTimeout), ("SpeedWindow", SpeedWindow), ("IdleTimeout", IdleTimeout) })
            Require("PeerClientOptions." + name, value > TimeSpan.Zero && value < TimeSpan.FromDays(1), $"{value}; it has to be positive and below a day");
        Require("PeerClientOptions.LeastBytesPerSecond", LeastBytesPerSecond >= 0, $"{LeastBytesPerSecond}; it cannot be negative");
        Require("PeerClientOptions.SlowBytesPerSecond", SlowBytesPerSecond >= 0, $"{SlowBytesPerSecond}; it cannot be negative");
        Require("PeerClientOptions.IdleConnections", IdleConnections is >= 0 and <= 1024, $"{IdleConnections}; it can be 0 to 1024");
        Require("PeerClientOptions.MaxManifestBytes", MaxManifestBytes >= 1024, $"{MaxManifestBytes}; it has to be 1 KiB or more");
    }

    private static void Require(string setting, bool fits, string otherwise)
    {
        if (!fits)
            throw new ConfigurationException(setting, $"{setting} is {otherwise}.");
    }
}
