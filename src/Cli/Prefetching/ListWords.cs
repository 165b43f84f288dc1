using System.Text;

namespace DatasetCache.Cli.Prefetching;

/// <summary>Splits a line of a list into words as a shell would: quotes, backslashes, and a comment from a word that begins with '#'. Nothing is expanded.</summary>
internal static class ListWords
{
    /// <exception cref="FormatException">A quote has no end, or a backslash nothing behind it.</exception>
    public static IReadOnlyList<string> Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (inWord, quote) = (false, '\0');
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
                continue;
            }
            if (c == '#' && !inWord)
                return words;
            inWord = true;
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && c is '\'' or '"' && quote == '\0')
                quote = c;
            else if (c == '\\' && quote != '\'')
                word.Append(++i < line.Length ? line[i] : throw new FormatException("A backslash stands at the end."));
            else
                word.Append(c);
        }
        if (quote != '\0')
            throw new FormatException($"A quote ({quote}) is not closed.");
        if (inWord)
            words.Add(word.ToString());
        return words;
    }
}
