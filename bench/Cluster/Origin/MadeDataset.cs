using System.Globalization;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>A dataset whose id says what it consists of, such as <c>f16x1048576-7</c>: files, bytes in each, and what tells it from others.</summary>
internal sealed record MadeDataset(int Files, long FileSize, string Tag)
{
    public string Id => string.Create(CultureInfo.InvariantCulture, $"f{Files}x{FileSize}-{Tag}");

    public string Snapshot => "snap_" + Id;

    public string Prefix => $"datasets/{Id}/";

    public long Bytes => Files * FileSize;

    public string Key(int file) => string.Create(CultureInfo.InvariantCulture, $"{Prefix}part-{file:d6}.bin");

    /// <param name="prefix">At least <c>datasets/ID/</c>.</param>
    /// <returns>Null where it is none of these.</returns>
    public static MadeDataset? Parse(string prefix)
    {
        var parts = prefix.Split('/');
        if (parts.Length < 3 || parts[0] is not "datasets" || !parts[1].StartsWith('f') || parts[1].Split('-', 2) is not [var shape, var tag] || shape[1..].Split('x') is not [var files, var size])
            return null;
        return int.TryParse(files, CultureInfo.InvariantCulture, out var count) && long.TryParse(size, CultureInfo.InvariantCulture, out var bytes) ? new MadeDataset(count, bytes, tag) : null;
    }

    /// <summary>The size of an object, or -1 where there is none.</summary>
    public static long SizeOf(string key)
        => Parse(key) is { } dataset && key.StartsWith(dataset.Prefix + "part-", StringComparison.Ordinal)
            && int.TryParse(key[(dataset.Prefix.Length + 5)..].Replace(".bin", "", StringComparison.Ordinal), CultureInfo.InvariantCulture, out var file) && file < dataset.Files ? dataset.FileSize : -1;
}
