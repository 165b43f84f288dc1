namespace DatasetCache.Datasets;

public enum SelectionMode
{
    /// <summary><see cref="Annotated"/> where an annotation file exists, else <see cref="All"/>.</summary>
    Auto,
    /// <summary>Metadata files and the images that the annotations name.</summary>
    Annotated,
    All,
}

/// <summary>Which of a dataset's files a job wants. Part of the identity of a cache entry.</summary>
public sealed record Selection
{
    public static Selection Auto { get; } = new();

    public SelectionMode Mode { get; init; } = SelectionMode.Auto;

    /// <summary>Globs over paths below the dataset; a file is taken if any matches. Empty takes all.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Globs; what matches is left out, even where <see cref="Include"/> takes it.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>The same text for every selection that means the same: lower-case mode, then sorted, distinct globs.</summary>
    public string Canonical
    {
        get
        {
            var lines = new List<string> { Mode switch { SelectionMode.Auto => "auto", SelectionMode.Annotated => "annotated", _ => "all" } };
            lines.AddRange(Include.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(glob => "+" + glob));
            lines.AddRange(Exclude.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(glob => "-" + glob));
            return string.Join('\n', lines);
        }
    }

    public bool IsDefault => Mode == SelectionMode.Auto && Include.Count == 0 && Exclude.Count == 0;

    public bool Equals(Selection? other) => other is not null && string.Equals(Canonical, other.Canonical, StringComparison.Ordinal);

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(Canonical);
}
