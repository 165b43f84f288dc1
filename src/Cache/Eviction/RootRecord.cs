using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>roots/NAME.json: a job's link and the entry that it holds, or a hold until a time for a path that is used without a link.</summary>
internal sealed record RootRecord
{
    /// <summary>Empty for a hold.</summary>
    public required string Link { get; init; }

    public required string CacheKey { get; init; }

    public required LinkMode Mode { get; init; }

    public string? JobId { get; init; }

    /// <summary>The directory that was made for <see cref="LinkMode.Tree"/> and <see cref="LinkMode.Copy"/>: another one under its name is not ours.</summary>
    public ulong Inode { get; init; }

    public ulong Device { get; init; }

    /// <summary>When that directory was made, in nanoseconds since 1970; 0 where the file system does not know.</summary>
    public long Born { get; init; }

    public required DateTimeOffset Since { get; init; }

    /// <summary>Whether it says the same, <see cref="Since"/> aside.</summary>
    public bool IsSameAs(RootRecord other) => Mode == other.Mode && Inode == other.Inode && Device == other.Device && Born == other.Born
        && string.Equals(Link, other.Link, StringComparison.Ordinal)
        && string.Equals(CacheKey, other.CacheKey, StringComparison.Ordinal)
        && string.Equals(JobId, other.JobId, StringComparison.Ordinal);

    /// <summary>When a hold ends; null for a link, which holds for as long as it stands.</summary>
    public DateTimeOffset? Until { get; init; }

    public byte[] ToJson() => SmallJson.Write(json =>
    {
        json.WriteString("link", Link);
        json.WriteString("cacheKey", CacheKey);
        json.WriteNumber("mode", (int)Mode);
        json.WriteString("jobId", JobId);
        json.WriteNumber("inode", Inode);
        json.WriteNumber("device", Device);
        json.WriteNumber("born", Born);
        json.WriteString("since", Since);
        if (Until is { } until)
            json.WriteString("until", until);
    });

    /// <summary>Null where the bytes are no record.</summary>
    public static RootRecord? FromJson(ReadOnlyMemory<byte> bytes) => SmallJson.Read(bytes, json => new RootRecord
    {
        Link = json.GetProperty("link").GetString() ?? "",
        CacheKey = json.GetProperty("cacheKey").GetString() ?? "",
        Mode = (LinkMode)json.GetProperty("mode").GetInt32(),
        JobId = json.GetProperty("jobId").GetString(),
        Inode = json.GetProperty("inode").GetUInt64(),
        Device = json.GetProperty("device").GetUInt64(),
        Born = json.GetProperty("born").GetInt64(),
        Since = json.GetProperty("since").GetDateTimeOffset(),
        Until = json.TryGetProperty("until", out var until) ? until.GetDateTimeOffset() : null,
    });
}
