namespace DatasetCache.Datasets;

/// <summary>
/// The order of Python's <c>sorted(Path.rglob('*'))</c>: part by part (<c>a/b.txt</c> before <c>a-b.txt</c>), each by code point. C# ordinal
/// compares UTF-16 units and puts U+1F600 before U+FF5E.
/// </summary>
public static class PathOrder
{
    public static Comparer<string> Comparer { get; } = Comparer<string>.Create(Compare);

    public static int Compare(string? x, string? y)
    {
        ArgumentNullException.ThrowIfNull(x);
        ArgumentNullException.ThrowIfNull(y);
        var length = Math.Min(x.Length, y.Length);
        for (var i = 0; i < length; i++)
        {
            if (x[i] != y[i])
                return Rank(x[i]).CompareTo(Rank(y[i]));
        }
        return x.Length.CompareTo(y.Length);
    }

    // The end of a part sorts before everything else; surrogates (code points from U+10000) after the rest of the BMP.
    private static int Rank(char c) => c switch
    {
        '/' => -1,
        >= '\uE000' => c - 0x800,
        >= '\uD800' => c + 0x2000,
        _ => c,
    };
}
