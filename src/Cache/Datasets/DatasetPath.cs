using System.Text;

namespace DatasetCache.Datasets;

/// <summary>
/// Turns an origin's keys into paths below the dataset, and refuses what is not safe or not possible as one. A key is refused, never mended: a
/// mended path would no longer be the dataset that its owner hashed.
/// </summary>
public static class DatasetPath
{
    /// <summary>Bytes of UTF-8 in one part: NAME_MAX of every Linux file system in use.</summary>
    public const int MaxPartBytes = 255;

    /// <summary>Bytes of UTF-8 in a whole path, just below PATH_MAX.</summary>
    public const int MaxPathBytes = 4000;

    /// <summary>
    /// The path of <paramref name="key"/> below <paramref name="prefix"/> (empty, or ending in '/'); null for a directory marker (a zero-byte
    /// object whose key ends in '/') and for the prefix itself. U+FFFD is a character like any other: where it stands for bytes that a listing could
    /// not decode, the object is simply not found later.
    /// </summary>
    /// <exception cref="IntegrityException">The key cannot be a path below the dataset; the message names it, escaped, and says why.</exception>
    public static string? FromKey(string key, string prefix, long size = 0)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(prefix);
        if (prefix.Length > 0 && !prefix.EndsWith('/'))
            throw new ArgumentException("A dataset's prefix is empty or ends in '/'.", nameof(prefix));
        if (!key.StartsWith(prefix, StringComparison.Ordinal))
            throw Refused(key, $"it does not lie below {PrintableText.Quote(prefix)}");
        if (key.EndsWith('/') || key.Length == prefix.Length)
            return size == 0 ? null : throw Refused(key, "it is named as a directory and holds data");
        var path = key[prefix.Length..];
        return Flaw(path) is { } flaw ? throw Refused(key, flaw) : path;
    }

    /// <summary>
    /// Refuses a set of files that cannot lie in one tree: the same path twice, a file where another needs a directory, and, where
    /// <paramref name="diskIgnoresCase"/>, names that differ only by case.
    /// </summary>
    /// <exception cref="IntegrityException">Names both files.</exception>
    public static void RefuseConflicts(IReadOnlyList<ManifestFile> files, bool diskIgnoresCase = false)
    {
        ArgumentNullException.ThrowIfNull(files);
        // In path order everything below `a` follows `a` at once, so that neighbours tell.
        var paths = new string[files.Count];
        var sorted = true;
        for (var i = 0; i < paths.Length; i++)
        {
            paths[i] = files[i].Path;
            sorted &= i == 0 || PathOrder.Compare(paths[i - 1], paths[i]) <= 0;
        }
        if (!sorted)
            Array.Sort(paths, PathOrder.Compare);
        for (var i = 1; i < paths.Length; i++)
        {
            if (!paths[i].StartsWith(paths[i - 1], StringComparison.Ordinal))
                continue;
            if (paths[i].Length == paths[i - 1].Length)
                throw new IntegrityException($"The dataset lists {PrintableText.Quote(paths[i])} twice.");
            if (paths[i][paths[i - 1].Length] == '/')
                throw NotBoth(paths[i - 1], paths[i], "a file cannot also be a directory");
        }
        if (diskIgnoresCase)
            RefuseCaseTwins(paths);
    }

    // Directories count: `Cat/1.jpg` and `cat/2.jpg` would silently become one class.
    private static void RefuseCaseTwins(string[] paths)
    {
        var seen = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var path in paths)
        {
            for (var end = path.IndexOf('/', StringComparison.Ordinal); ; end = path.IndexOf('/', end + 1))
            {
                var name = end < 0 ? path : path[..end];
                if (!seen.TryAdd(name, name) && !string.Equals(seen[name], name, StringComparison.Ordinal))
                    throw NotBoth(seen[name], name, "this disk does not tell upper from lower case");
                if (end < 0)
                    break;
            }
        }
    }

    private static string? Flaw(string path)
    {
        if (path.StartsWith('/'))
            return "it would be an absolute path";
        foreach (var c in path)
        {
            if (char.IsControl(c))
                return "it holds a control character";
            if (c == '\\')
                return "it holds a backslash";
        }
        if (PrintableText.IndexOfLoneSurrogate(path) >= 0)
            return "it is not valid Unicode";
        if (Encoding.UTF8.GetByteCount(path) > MaxPathBytes)
            return $"it is longer than {MaxPathBytes} bytes";
        foreach (var range in path.AsSpan().Split('/'))
        {
            var part = path.AsSpan(range);
            if (part.IsEmpty)
                return "it has an empty part";
            if (part is "." or "..")
                return $"it has a part \"{part}\"";
            if (Encoding.UTF8.GetByteCount(part) > MaxPartBytes)
                return $"it has a part of more than {MaxPartBytes} bytes";
        }
        return null;
    }

    private static IntegrityException Refused(string key, string why) => new(
        $"The origin's key {PrintableText.Quote(key)} is refused: {why}. Nothing was written.", "Rename or remove the object at the origin.");

    private static IntegrityException NotBoth(string one, string other, string why) => new(
        $"The dataset lists {PrintableText.Quote(one)} and {PrintableText.Quote(other)}: {why}. Nothing was written.", "Rename or remove one of the objects at the origin.");
}
