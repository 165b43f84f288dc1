using System.Buffers;
using System.Text.Json;

namespace DatasetCache.Store;

/// <summary>
/// Reads and writes the small JSON files of the store field by field. A serializer's metadata would be compiled at every start of the command
/// line: that was half of a warm get.
/// </summary>
internal static class SmallJson
{
    public static byte[] Write(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Null where the bytes are torn, or not of the form that is read.</summary>
    public static T? Read<T>(ReadOnlyMemory<byte> bytes, Func<JsonElement, T> fields)
        where T : class
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return fields(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
