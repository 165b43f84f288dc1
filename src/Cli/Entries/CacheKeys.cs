namespace DatasetCache.Cli.Entries;

/// <summary>Finds the entry that a person means: by its whole key, or by a beginning that no other key has.</summary>
internal static class CacheKeys
{
    private const int Shown = 5;

    /// <exception cref="DatasetNotFoundException">No key begins so.</exception>
    /// <exception cref="InvalidRequestException">Several do.</exception>
    public static string Resolve(string root, string typed)
    {
        if (typed.Length == 0)
            throw new InvalidRequestException("KEY is empty.", "'dscache ls' lists the entries.");
        var keys = LocalDatasetCache.KeysAt(root);
        if (keys.Contains(typed, StringComparer.Ordinal))
            return typed;
        var meant = keys.Where(key => key.StartsWith(typed, StringComparison.Ordinal)).ToArray();
        if (meant.Length > 1)
        {
            throw new InvalidRequestException(
                $"'{typed}' is the beginning of {meant.Length} keys: {string.Join(", ", meant.Take(Shown))}{(meant.Length > Shown ? ", …" : "")}.", "Type more of the one that you mean. Nothing was changed.");
        }
        if (meant.Length == 1)
            return meant[0];
        var near = Suggestion.Nearest(typed, keys);
        throw new DatasetNotFoundException($"The cache in {root} has no entry '{typed}'.", near is null ? "'dscache ls' lists the entries." : $"Did you mean '{near}'?");
    }

    /// <summary>All of them, each once, before anything is done to one.</summary>
    public static string[] Resolve(string root, IEnumerable<string> typed) => [.. typed.Select(key => Resolve(root, key)).Distinct(StringComparer.Ordinal)];
}
