using System.Buffers;

namespace DatasetCache.Datasets;

/// <summary>
/// Python's json module writes NaN, Infinity and -Infinity as bare words, and reads them; JSON has no such thing and Utf8JsonReader stops there. They occur in
/// areas and scores that selecting does not need, so each is blanked to a number of the same length, as the bytes pass by in chunks of any size.
/// </summary>
internal sealed class NonFiniteNumbers
{
    private static readonly SearchValues<byte> Outside = SearchValues.Create("\"NI"u8);
    private static readonly SearchValues<byte> Inside = SearchValues.Create("\"\\"u8);

    private static readonly byte[] RestOfNaN = "aN"u8.ToArray();
    private static readonly byte[] RestOfInfinity = "nfinity"u8.ToArray();

    private bool inString;
    private bool escaped;
    private ReadOnlyMemory<byte> expected;

    public void Blank(Span<byte> chunk)
    {
        for (var i = 0; i < chunk.Length;)
        {
            if (escaped)
            {
                escaped = false;
                i++;
            }
            else if (inString)
            {
                var next = chunk[i..].IndexOfAny(Inside);
                if (next < 0)
                    return;
                i += next + 1;
                escaped = chunk[i - 1] == '\\';
                inString = escaped;
            }
            else if (!expected.IsEmpty)
            {
                // Another word than expected stays as it is, and stops the reader at the right place.
                if (chunk[i] != expected.Span[0])
                {
                    expected = default;
                    continue;
                }
                expected = expected[1..];
                chunk[i++] = (byte)' ';
            }
            else
            {
                var next = chunk[i..].IndexOfAny(Outside);
                if (next < 0)
                    return;
                i += next;
                inString = chunk[i] == '"';
                if (!inString)
                {
                    expected = chunk[i] == 'N' ? RestOfNaN : RestOfInfinity;
                    chunk[i] = (byte)'0';
                }
                i++;
            }
        }
    }
}
