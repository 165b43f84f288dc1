using System.Globalization;

namespace DatasetCache.Datasets;

/// <summary>A tree whose folders are the labels: <c>class/img.jpg</c> or <c>split/class/img.jpg</c>, and whatever lies deeper in a class.</summary>
internal static class ImageFolderTree
{
    private static readonly string[] Splits = ["train", "training", "val", "valid", "validation", "dev", "test", "testing", "eval"];
    // Folders that say "here are images", not what is on them.
    private static readonly string[] NoClass = ["images", "image", "imgs", "img", "jpegimages", "__macosx"];

    /// <summary>Takes every image in a class folder; null where there is none.</summary>
    public static string? Take(Manifest listing, ListingIndex index)
    {
        var classes = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in listing.Files)
        {
            if (!ListingIndex.IsImage(file.Path) || ClassOf(file.Path) is not { } name)
                continue;
            classes.Add(name);
            index.TryTake(file.Path);
        }
        return classes.Count == 0 ? null
            : string.Create(CultureInfo.InvariantCulture, $"{classes.Count} class folders hold {index.TakenCount} of {index.ImageCount} images");
    }

    internal static string? ClassOf(string path)
    {
        var parts = path.Split('/');
        var at = parts.Length > 1 && Splits.Contains(parts[0], StringComparer.OrdinalIgnoreCase) ? 1 : 0;
        if (parts.Length < at + 2)
            return null;
        var name = parts[at];
        return name.StartsWith('.') || NoClass.Contains(name, StringComparer.OrdinalIgnoreCase) ? null : name;
    }
}
