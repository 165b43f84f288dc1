namespace DatasetCache.Datasets;

/// <summary>A selection's include and exclude globs, compiled.</summary>
internal sealed class SelectionGlobs(Selection selection)
{
    private readonly Glob[] include = [.. selection.Include.Select(Glob.Parse)];
    private readonly Glob[] exclude = [.. selection.Exclude.Select(Glob.Parse)];

    public bool IsEmpty => include.Length + exclude.Length == 0;

    public bool Takes(string path) =>
        (include.Length == 0 || Array.Exists(include, glob => glob.IsMatch(path))) && !Array.Exists(exclude, glob => glob.IsMatch(path));

    public override string ToString() =>
        string.Join(", ", include.Select(glob => "include " + glob.Pattern).Concat(exclude.Select(glob => "exclude " + glob.Pattern)));
}
