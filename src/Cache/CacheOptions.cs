using System.Globalization;
using DatasetCache.Configuration;

namespace DatasetCache;

/// <summary>How one host's cache behaves. Made from settings by <see cref="Settings"/>, or by hand.</summary>
public sealed record CacheOptions
{
    /// <summary>The cache's folder, absolute. Default: <c>$XDG_CACHE_HOME/dscache</c> or <c>~/.cache/dscache</c>.</summary>
    public required string Root { get; init; }

    /// <summary>Cache roots of others, absolute, that are asked in this order before the origin and only ever read. Default: none.</summary>
    public IReadOnlyList<string> SharedRoots { get; init; } = [];

    /// <summary>Bytes that the cache may take on disk. Default: 50,000,000,000.</summary>
    public long MaxSize { get; init; } = 50_000_000_000;

    /// <summary>Where evicting stops, in percent of <see cref="MaxSize"/>, above 0 to 100; it begins when something does not fit. Default: 95.</summary>
    public double LowMarkPercent { get; init; } = 95;

    /// <summary>How long an entry is kept after its last use before it counts as expired, if it was hardly used. Default: 24 h.</summary>
    public TimeSpan BaseTtl { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The same for an entry that is used all the time. Default: 30 d.</summary>
    public TimeSpan MaxTtl { get; init; } = TimeSpan.FromDays(30);

    /// <summary>What the cache leaves free on its disk. Default: 5 %.</summary>
    public DiskFloor MinFree { get; init; } = DiskFloor.OfPercent(5);

    /// <summary>Whether a dataset is on stable storage before it counts as ready. Default: true.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>Requests at once to the origin, 1 to 1024. Default: 32.</summary>
    public int Concurrency { get; init; } = 32;

    /// <summary>Attempts for one request before a transient error is final, 1 to 100. Default: 6.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>How long an origin may send nothing before its connection is given up. Default: 30 s.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long to wait for another process that downloads the same dataset. Default: 1 h.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a mutable dataset is taken to be what its origin last said. Default: 30 min.</summary>
    public TimeSpan FreshnessTtl { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>How old the last known version of a mutable dataset may be to serve where its origin is down. Default: 24 h.</summary>
    public TimeSpan MaxStale { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The time in which the scrubber goes through everything once. Default: 7 d.</summary>
    public TimeSpan ScrubPeriod { get; init; } = TimeSpan.FromDays(7);

    /// <summary>Bytes a second that the scrubber reads at most; 0 for no bound. Default: 50,000,000.</summary>
    public long ScrubRate { get; init; } = 50_000_000;

    /// <summary>Use what is on disk or fail; send nothing. Default: false.</summary>
    public bool Offline { get; init; }

    /// <summary>Whether a broken entry is an error for who asks for it, and is not healed for him. Default: false.</summary>
    public bool Strict { get; init; }

    /// <summary>
    /// Where a dataset lies below the origin, ending in '/'; <c>{dataset}</c> and <c>{snapshot}</c> are filled in. Default: <c>datasets/{dataset}/</c>.
    /// </summary>
    public string DatasetPathTemplate { get; init; } = "datasets/{dataset}/";

    /// <summary>Holds options made by hand to the rules that <c>dscache.json</c> is held to. Options from <see cref="Settings"/> and from a host's services have passed.</summary>
    /// <exception cref="ConfigurationException">One message names every setting that is wrong, its value, and what is allowed.</exception>
    public void Validate() => Settings.Check(this);
}

/// <summary>Free space to leave on a disk: a share of it, or a number of bytes.</summary>
public readonly record struct DiskFloor
{
    private DiskFloor(double? percent, long bytes) => (Percent, Bytes) = (percent, bytes);

    /// <summary>Percent of the disk's size, 0 to below 100; null where <see cref="Bytes"/> holds.</summary>
    public double? Percent { get; }

    public long Bytes { get; }

    public static DiskFloor OfPercent(double percent) => percent is >= 0 and < 100
        ? new(percent, 0)
        : throw new ArgumentOutOfRangeException(nameof(percent), percent, "A share of a disk is 0 to below 100 percent.");

    public static DiskFloor OfBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        return new(percent: null, bytes);
    }

    /// <summary>Reads <c>5%</c> or a size as <see cref="Quantity.TryParseSize"/> does.</summary>
    public static bool TryParse(string text, out DiskFloor floor)
    {
        if (Quantity.TryParsePercent(text, out var percent))
        {
            floor = OfPercent(percent);
            return true;
        }
        var parsed = Quantity.TryParseSize(text, out var bytes);
        floor = new(percent: null, bytes);
        return parsed;
    }

    /// <summary>The floor in bytes on a disk of <paramref name="diskSize"/> bytes.</summary>
    public long OnDisk(long diskSize) => Percent is { } percent ? (long)(diskSize * (percent / 100)) : Bytes;

    public override string ToString() => Percent is { } percent
        ? percent.ToString(CultureInfo.InvariantCulture) + "%"
        : Bytes.ToString(CultureInfo.InvariantCulture);
}
