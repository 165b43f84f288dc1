using System.Globalization;
using System.Text;

namespace DatasetCache.Datasets;

/// <summary>Foreign text made fit for an error message: one line, nothing a terminal obeys, not endless.</summary>
internal static class PrintableText
{
    private const int Longest = 300;

    public static string Quote(string text)
    {
        var result = new StringBuilder(Math.Min(text.Length, Longest) + 2).Append('"');
        var shown = 0;
        for (var i = 0; i < text.Length; i++, shown++)
        {
            if (shown == Longest)
            {
                result.Append(CultureInfo.InvariantCulture, $"… ({text.Length} characters)");
                break;
            }
            if (char.IsSurrogatePair(text, i))
                result.Append(text[i]).Append(text[++i]);
            else if (text[i] is '"' or '\\')
                result.Append('\\').Append(text[i]);
            else if (IsUnprintable(text[i]))
                result.Append(CultureInfo.InvariantCulture, $"\\u{(int)text[i]:X4}");
            else
                result.Append(text[i]);
        }
        return result.Append('"').ToString();
    }

    /// <summary>The index of the first UTF-16 unit that is no half of a pair, or -1: such text has no UTF-8 form.</summary>
    public static int IndexOfLoneSurrogate(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i]))
                continue;
            if (!char.IsSurrogatePair(text, i))
                return i;
            i++;
        }
        return -1;
    }

    // Format characters too: they turn the direction of the text or hide.
    private static bool IsUnprintable(char c) => char.GetUnicodeCategory(c)
        is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator;
}
