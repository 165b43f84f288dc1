using System.Buffers;
using System.Text.Json;

namespace DatasetCache.Datasets;

/// <summary>
/// What a COCO annotation file says about images: their names and, in <c>storage_info.image_root</c>, their folder. Read as a stream: of a file of several
/// hundred MB only the names stay in memory.
/// </summary>
internal sealed class CocoAnnotations
{
    private const int FirstBufferBytes = 64 * 1024;
    // The reader needs a whole string at once; embedded image data has some MB.
    private const int LongestTokenBytes = 64 * 1024 * 1024;

    private readonly string file;
    private readonly List<string> fileNames = [];
    private Section section;
    private bool understood;
    private bool notAnObject;
    private int entries;
    private string? entryName;
    private Wanted wanted;

    private CocoAnnotations(string file) => this.file = file;

    private enum Section
    {
        None,
        Images,
        StorageInfo,
    }

    private enum Wanted
    {
        Nothing,
        Images,
        StorageInfo,
        FileName,
        ImageRoot,
    }

    public string? ImageRoot { get; private set; }

    /// <summary><c>images[].file_name</c>, as written, in the file's order.</summary>
    public IReadOnlyList<string> FileNames => fileNames;

    /// <returns>Null where this is JSON, but not annotations: no object with an array <c>images</c>.</returns>
    /// <exception cref="IntegrityException">Broken JSON, or an image without a name; with file, line and position.</exception>
    public static async Task<CocoAnnotations?> ReadAsync(string file, Stream stream, CancellationToken cancellationToken)
    {
        var result = new CocoAnnotations(file);
        await result.ReadAsync(stream, cancellationToken);
        return result.understood ? result : null;
    }

    private async Task ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var state = new JsonReaderState();
        var nonFinite = new NonFiniteNumbers();
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBufferBytes);
        try
        {
            var filled = 0;
            var isFirst = true;
            var isLast = false;
            while (!isLast && !notAnObject)
            {
                if (filled == buffer.Length)
                    buffer = Grow(buffer);
                // Full buffers only: a long string is then scanned a few times, not once per packet.
                var read = await stream.ReadAtLeastAsync(buffer.AsMemory(filled), buffer.Length - filled, throwOnEndOfStream: false, cancellationToken);
                isLast = read < buffer.Length - filled;
                nonFinite.Blank(buffer.AsSpan(filled, read));
                filled += read;
                var start = isFirst && buffer.AsSpan(0, filled).StartsWith("\uFEFF"u8) ? 3 : 0;
                isFirst = false;
                var consumed = start + Consume(buffer.AsSpan(start, filled - start), isLast, ref state);
                buffer.AsSpan(consumed, filled - consumed).CopyTo(buffer);
                filled -= consumed;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private byte[] Grow(byte[] buffer)
    {
        if (buffer.Length >= LongestTokenBytes)
            throw Broken($"a single value after images[{entries}] is longer than {LongestTokenBytes} bytes");
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private int Consume(ReadOnlySpan<byte> bytes, bool isLast, ref JsonReaderState state)
    {
        var reader = new Utf8JsonReader(bytes, isLast, state);
        try
        {
            while (!notAnObject && reader.Read())
                Take(ref reader);
        }
        catch (JsonException e)
        {
            // The reader's own message ends in the same position, counted from 0.
            var reason = e.Message.Split(" LineNumber:")[0].TrimEnd('.');
            throw Broken($"line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}: {reason}", e);
        }
        catch (InvalidOperationException e)
        {
            throw Broken($"the text at images[{entries}] is not valid Unicode", e);
        }
        state = reader.CurrentState;
        return (int)reader.BytesConsumed;
    }

    // Depths: 1 the top object's members, 2 an image or storage_info's members, 3 an image's members. Anything else passes by.
    private void Take(ref Utf8JsonReader reader)
    {
        var depth = reader.CurrentDepth;
        if (depth == 0)
        {
            notAnObject = reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.EndObject);
        }
        else if (reader.TokenType == JsonTokenType.PropertyName)
        {
            wanted = (section, depth) switch
            {
                (Section.None, 1) => reader.ValueTextEquals("images"u8) ? Wanted.Images
                    : reader.ValueTextEquals("storage_info"u8) ? Wanted.StorageInfo : Wanted.Nothing,
                (Section.Images, 3) when reader.ValueTextEquals("file_name"u8) => Wanted.FileName,
                (Section.StorageInfo, 2) when reader.ValueTextEquals("image_root"u8) => Wanted.ImageRoot,
                _ => Wanted.Nothing,
            };
        }
        else
        {
            TakeValue(ref reader, depth);
            wanted = Wanted.Nothing;
        }
    }

    private void TakeValue(ref Utf8JsonReader reader, int depth)
    {
        switch (wanted)
        {
            case Wanted.Images:
                // Of two members with one name the last counts, as in Python.
                (understood, entries) = (reader.TokenType == JsonTokenType.StartArray, 0);
                fileNames.Clear();
                section = understood ? Section.Images : Section.None;
                return;
            case Wanted.StorageInfo:
                ImageRoot = null;
                section = reader.TokenType == JsonTokenType.StartObject ? Section.StorageInfo : Section.None;
                return;
            case Wanted.FileName:
                entryName = reader.TokenType == JsonTokenType.String ? reader.GetString() : null;
                return;
            case Wanted.ImageRoot:
                ImageRoot = reader.TokenType switch
                {
                    JsonTokenType.String => reader.GetString(),
                    JsonTokenType.Null => null,
                    _ => throw Broken("storage_info.image_root is no text"),
                };
                return;
            default:
                break;
        }
        if (depth == 1 && reader.TokenType is JsonTokenType.EndArray or JsonTokenType.EndObject)
            section = Section.None;
        else if (section == Section.Images && depth == 2)
            TakeImage(reader.TokenType);
    }

    private void TakeImage(JsonTokenType token)
    {
        if (token == JsonTokenType.StartObject)
        {
            entryName = null;
            return;
        }
        if (token != JsonTokenType.EndObject || string.IsNullOrEmpty(entryName))
            throw Broken($"images[{entries}] has no file_name");
        fileNames.Add(entryName);
        entries++;
    }

    private IntegrityException Broken(string what, Exception? inner = null) => new(
        $"The annotation file {PrintableText.Quote(file)} cannot be read: {what}.", "Mend it at the origin, or take the whole dataset with --select all.", inner);
}
