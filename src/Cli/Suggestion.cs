namespace DatasetCache.Cli;

/// <summary>Finds the word that was meant.</summary>
internal static class Suggestion
{
    /// <summary>The candidate with the fewest typing errors away from <paramref name="word"/>; null where none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        var (best, fewest) = (default(string), Math.Max(2, word.Length / 2) + 1);
        foreach (var candidate in candidates)
        {
            var errors = Distance(word, candidate);
            // Replacing every letter makes any word of any other.
            if (errors < fewest && errors < candidate.Length)
                (best, fewest) = (candidate, errors);
        }
        return best;
    }

    // Levenshtein, with one row.
    private static int Distance(string a, string b)
    {
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }
        return row[b.Length];
    }
}
