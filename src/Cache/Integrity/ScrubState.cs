using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// <c>scrub</c> in the cache's root: where the scrubber stands. Replaced in one step and not synced: after a power cut it goes on from an older place, or
/// from the beginning, and reads again what it has read.
/// </summary>
internal sealed record ScrubState
{
    private const string Name = "scrub";

    public required long Cycle { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>When the last call looked what is due: the next one is expected after as long again.</summary>
    public required DateTimeOffset LastCall { get; init; }

    /// <summary>Whether the cycle is to be gone through at once.</summary>
    public bool IsAll { get; init; }

    /// <summary>When all had been gone through; null while it is under way.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>The entry under way or done with; empty at the beginning. All keys before it are done.</summary>
    public string Key { get; init; } = "";

    /// <summary>Of which content the entry was: another one under its name begins anew.</summary>
    public string ManifestDigest { get; init; } = "";

    /// <summary>The last file that is done with all before it; empty at the entry's beginning.</summary>
    public string Path { get; init; } = "";

    /// <summary>Whether the entry is done with.</summary>
    public bool IsThrough { get; init; }

    /// <summary>What of the entry's weight is done.</summary>
    public long Weight { get; init; }

    public long Found { get; init; }

    public long Unhealed { get; init; }

    /// <summary>Null where there is none, or it is torn.</summary>
    public static ScrubState? Read(CacheRoot root) => root.Root.TryReadAll(Name) is not { } bytes ? null : SmallJson.Read(bytes, json => new ScrubState
    {
        Cycle = json.GetProperty("cycle").GetInt64(),
        Started = json.GetProperty("started").GetDateTimeOffset(),
        LastCall = json.GetProperty("lastCall").GetDateTimeOffset(),
        IsAll = json.GetProperty("all").GetBoolean(),
        Ended = json.TryGetProperty("ended", out var ended) ? ended.GetDateTimeOffset() : null,
        Key = json.GetProperty("key").GetString() ?? "",
        ManifestDigest = json.GetProperty("manifest").GetString() ?? "",
        Path = json.GetProperty("path").GetString() ?? "",
        IsThrough = json.GetProperty("through").GetBoolean(),
        Weight = json.GetProperty("weight").GetInt64(),
        Found = json.GetProperty("found").GetInt64(),
        Unhealed = json.GetProperty("unhealed").GetInt64(),
    });

    public void Write(CacheRoot root) => root.Root.WriteAtomically(Name, SmallJson.Write(json =>
    {
        json.WriteNumber("cycle", Cycle);
        json.WriteString("started", Started);
        json.WriteString("lastCall", LastCall);
        json.WriteBoolean("all", IsAll);
        if (Ended is { } ended)
            json.WriteString("ended", ended);
        json.WriteString("key", Key);
        json.WriteString("manifest", ManifestDigest);
        json.WriteString("path", Path);
        json.WriteBoolean("through", IsThrough);
        json.WriteNumber("weight", Weight);
        json.WriteNumber("found", Found);
        json.WriteNumber("unhealed", Unhealed);
    }), root.Staging);
}
