namespace DatasetCache.Datasets;

/// <summary>Counts images that annotations name and the listing lacks, each once, and keeps the first names.</summary>
internal sealed class MissingImages(SelectionGlobs globs)
{
    private const int Kept = 5;

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private readonly List<string> first = [];

    public int Count => names.Count;

    public IReadOnlyList<string> First => first;

    /// <param name="name">As people will look for it: the likeliest path below the dataset.</param>
    /// <param name="places">Where it was looked for. An image that the globs would leave out wherever it lay is not missed.</param>
    public void Add(string name, IEnumerable<string> places)
    {
        if (!globs.IsEmpty && !globs.Takes(name) && !places.Any(globs.Takes))
            return;
        if (names.Add(name) && first.Count < Kept)
            first.Add(name);
    }
}
