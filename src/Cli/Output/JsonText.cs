using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace DatasetCache.Cli.Output;

/// <summary>Writes documents through their generated handlers alone: JsonSerializer would build metadata first, 15 ms of a short process.</summary>
internal static class JsonText
{
    /// <summary>One object, one line: results and events that programs read.</summary>
    public static string Line<T>(T document, JsonTypeInfo<T> type) => Write(document, type, indented: false);

    /// <summary>Listings, which people look at too.</summary>
    public static string Pretty<T>(T document, JsonTypeInfo<T> type) => Write(document, type, indented: true);

    private static string Write<T>(T document, JsonTypeInfo<T> type, bool indented)
    {
        var buffer = new ArrayBufferWriter<byte>();
        // Paths stay readable ('ä', '+', '<'): the output goes to programs and terminals, never into a web page.
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            type.SerializeHandler!(writer, document);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
