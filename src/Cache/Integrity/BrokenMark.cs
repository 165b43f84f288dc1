using System.Text.Json;
using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary><c>entries/KEY/broken</c>: the entry is withdrawn. Whatever stands in the file, its name alone says so.</summary>
/// <param name="Since">When it was found.</param>
/// <param name="Faults">The broken files as far as they are known; healing reads each again and believes none of this.</param>
/// <param name="EntryFault">What is wrong with the entry's own small files; null where they are whole.</param>
/// <param name="IsKnown">False where the mark is torn: then all must be looked at again.</param>
internal sealed record BrokenMark(DateTimeOffset Since, IReadOnlyList<FileFault> Faults, string? EntryFault, bool IsKnown = true)
{
    public const string Name = "broken";

    public static BrokenMark Unknown { get; } = new(default, [], "the mark that says what is broken is torn", IsKnown: false);

    /// <summary>For people: the first few faults.</summary>
    public string Words => EntryFault is not null && Faults.Count == 0
        ? EntryFault
        : string.Join("; ", Faults.Take(5)) + (Faults.Count > 5 ? $"; and {Faults.Count - 5} files more" : "");

    /// <summary>Both together, a fault per path: the later one counts.</summary>
    public BrokenMark With(BrokenMark later) => !IsKnown ? this : later with
    {
        Since = Since,
        Faults = [.. Faults.Where(old => !later.Faults.Any(fault => string.Equals(fault.Path, old.Path, StringComparison.Ordinal))), .. later.Faults],
        EntryFault = later.EntryFault ?? EntryFault,
    };

    /// <summary>What is left when all that <paramref name="healed"/> knew of is mended; null where that is nothing.</summary>
    public BrokenMark? Without(BrokenMark healed)
    {
        if (!IsKnown)
            return healed.IsKnown ? this : null;
        FileFault[] left = [.. Faults.Where(fault => !healed.Faults.Any(gone => string.Equals(gone.Path, fault.Path, StringComparison.Ordinal)))];
        var entryFault = healed.EntryFault is null ? EntryFault : null;
        return left.Length == 0 && entryFault is null ? null : this with { Faults = left, EntryFault = entryFault };
    }

    public byte[] ToJson() => SmallJson.Write(json =>
    {
        json.WriteString("since", Since);
        json.WriteString("entryFault", EntryFault);
        json.WriteStartArray("faults");
        foreach (var fault in Faults)
        {
            json.WriteStartObject();
            json.WriteString("path", fault.Path);
            json.WriteString("kind", fault.Kind.ToString());
            json.WriteString("words", fault.Words);
            json.WriteStartArray("pieces");
            foreach (var piece in fault.Pieces)
                json.WriteNumberValue(piece);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    });

    public static BrokenMark FromJson(ReadOnlyMemory<byte> bytes) => SmallJson.Read(bytes, json => new BrokenMark(
        json.GetProperty("since").GetDateTimeOffset(),
        [.. json.GetProperty("faults").EnumerateArray().Select(Fault)],
        json.GetProperty("entryFault").GetString())) ?? Unknown;

    private static FileFault Fault(JsonElement json) => new(
        json.GetProperty("path").GetString() ?? throw new FormatException("path is null."),
        Enum.TryParse<FileFaultKind>(json.GetProperty("kind").GetString(), out var kind) ? kind : throw new FormatException("kind is none."),
        [.. json.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetInt32())],
        json.GetProperty("words").GetString() ?? "");
}
