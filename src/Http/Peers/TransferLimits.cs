namespace DatasetCache.Http.Peers;

/// <summary>What the transfers between nodes may take of this host, so that fan-out does not starve training. Can be changed while they run.</summary>
public sealed record TransferLimits
{
    /// <summary>No limits but those of the number of transfers.</summary>
    public static TransferLimits Default { get; } = new();

    /// <summary>Bytes a second that this node sends to others, all together; 0 for as fast as it goes. Default: 0.</summary>
    public long UploadBytesPerSecond { get; init; }

    /// <summary>Bytes a second that this node receives from others, all together; 0 for as fast as it goes. Default: 0.</summary>
    public long DownloadBytesPerSecond { get; init; }

    /// <summary>Answers under way at once, 1 to 4096; whoever comes on top waits, and is turned away after a second. Default: 64.</summary>
    public int MaxUploads { get; init; } = 64;

    /// <summary>Requests under way at once, 1 to 4096; whoever comes on top waits. Default: 64.</summary>
    public int MaxDownloads { get; init; } = 64;

    /// <summary>Percent of the machine's processors that sending, receiving, checking and writing may take together, 1 to 100; 0 for no limit. Default: 0.</summary>
    public int CpuPercent { get; init; }

    /// <exception cref="ConfigurationException">A value is outside its range.</exception>
    public void Validate()
    {
        Require("cluster.upload", UploadBytesPerSecond, UploadBytesPerSecond is 0 or >= 1024, "0 (no limit) or 1 KiB a second and more");
        Require("cluster.download", DownloadBytesPerSecond, DownloadBytesPerSecond is 0 or >= 1024, "0 (no limit) or 1 KiB a second and more");
        Require("TransferLimits.MaxUploads", MaxUploads, MaxUploads is >= 1 and <= 4096, "1 to 4096");
        Require("TransferLimits.MaxDownloads", MaxDownloads, MaxDownloads is >= 1 and <= 4096, "1 to 4096");
        Require("cluster.cpu", CpuPercent, CpuPercent is >= 0 and <= 100, "0 (no limit) to 100 percent");
    }

    private static void Require(string setting, long value, bool fits, string range)
    {
        if (!fits)
            throw new ConfigurationException(setting, $"{setting} is {value}; it can be {range}.");
    }
}
