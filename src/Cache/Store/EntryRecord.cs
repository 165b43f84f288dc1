using System.Text.Json;
using System.Text.Json.Serialization;
using DatasetCache.Eviction;

namespace DatasetCache.Store;

/// <summary>entry.json: small facts about a published entry, written once, all that a warm hit reads.</summary>
public sealed record EntryRecord
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

    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, StoreJson.Default.EntryRecord);

    /// <summary>Null where the bytes are no record: torn, empty or foreign.</summary>
    public static EntryRecord? FromJson(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, StoreJson.Default.EntryRecord);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true)]
[JsonSerializable(typeof(EntryRecord))]
[JsonSerializable(typeof(RootRecord))]
internal sealed partial class StoreJson : JsonSerializerContext;
