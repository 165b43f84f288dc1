using System.Text.Json;

namespace DatasetCache.Store;

/// <summary>entry.json: small facts about a published entry, written once, all that a warm hit reads.</summary>
internal sealed record EntryRecord
{
    public required int Format { get; init; }

    public required string CacheKey { get; init; }

    /// <summary>The identity in full; two entries are the same if and only if this is.</summary>
    public required string Identity { get; init; }

    public required string Origin { get; init; }

    /// <summary>Where the dataset lies in the origin; a file's object key is this and its path.</summary>
    public required string Prefix { get; init; }

    public string? SnapshotId { get; init; }

    public string? DatasetId { get; init; }

    public string? VersionHash { get; init; }

    public required string Selection { get; init; }

    /// <summary>Why these files and not others, for people.</summary>
    public required string SelectionReason { get; init; }

    public required string ManifestDigest { get; init; }

    public required long Files { get; init; }

    public required long Bytes { get; init; }

    /// <summary>Bytes that this entry added to the disk when it was published, as allocated: what it does not share.</summary>
    public required long OwnBytes { get; init; }

    public required DateTimeOffset PublishedAt { get; init; }

    /// <summary>Images that the annotations name and the origin does not have.</summary>
    public int MissingCount { get; init; }

    public IReadOnlyList<string> MissingFirst { get; init; } = [];

    public byte[] ToJson() => SmallJson.Write(json =>
    {
        json.WriteNumber("format", Format);
        json.WriteString("cacheKey", CacheKey);
        json.WriteString("identity", Identity);
        json.WriteString("origin", Origin);
        json.WriteString("prefix", Prefix);
        json.WriteString("snapshotId", SnapshotId);
        json.WriteString("datasetId", DatasetId);
        json.WriteString("versionHash", VersionHash);
        json.WriteString("selection", Selection);
        json.WriteString("selectionReason", SelectionReason);
        json.WriteString("manifestDigest", ManifestDigest);
        json.WriteNumber("files", Files);
        json.WriteNumber("bytes", Bytes);
        json.WriteNumber("ownBytes", OwnBytes);
        json.WriteString("publishedAt", PublishedAt);
        json.WriteNumber("missingCount", MissingCount);
        json.WriteStartArray("missingFirst");
        foreach (var path in MissingFirst)
            json.WriteStringValue(path);
        json.WriteEndArray();
    });

    /// <summary>Null where the bytes are no record: torn, empty or foreign.</summary>
    public static EntryRecord? FromJson(ReadOnlyMemory<byte> bytes) => SmallJson.Read(bytes, json => new EntryRecord
    {
        Format = json.GetProperty("format").GetInt32(),
        CacheKey = Text(json, "cacheKey"),
        Identity = Text(json, "identity"),
        Origin = Text(json, "origin"),
        Prefix = Text(json, "prefix"),
        SnapshotId = json.GetProperty("snapshotId").GetString(),
        DatasetId = json.GetProperty("datasetId").GetString(),
        VersionHash = json.GetProperty("versionHash").GetString(),
        Selection = Text(json, "selection"),
        SelectionReason = Text(json, "selectionReason"),
        ManifestDigest = Text(json, "manifestDigest"),
        Files = json.GetProperty("files").GetInt64(),
        Bytes = json.GetProperty("bytes").GetInt64(),
        OwnBytes = json.GetProperty("ownBytes").GetInt64(),
        PublishedAt = json.GetProperty("publishedAt").GetDateTimeOffset(),
        MissingCount = json.GetProperty("missingCount").GetInt32(),
        MissingFirst = [.. json.GetProperty("missingFirst").EnumerateArray().Select(path => path.GetString()!)],
    });

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null.");
}
