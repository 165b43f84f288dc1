namespace DatasetCache.Datasets;

/// <summary>Finds files and folders of a listing by path, and remembers which were taken.</summary>
internal sealed class ListingIndex
{
    private static readonly HashSet<string> ImageSuffixes = new(StringComparer.OrdinalIgnoreCase)
    {
        ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".pfm",
        ".dng", ".mpo", ".heic", ".heif", ".avif", ".jp2", ".exr",
    };

    private readonly Manifest listing;
    private readonly Dictionary<string, int> byPath;
    private readonly bool[] taken;

    public ListingIndex(Manifest listing)
    {
        this.listing = listing;
        taken = new bool[listing.Files.Count];
        byPath = new Dictionary<string, int>(listing.Files.Count, StringComparer.Ordinal);
        for (var i = 0; i < listing.Files.Count; i++)
        {
            byPath.Add(listing.Files[i].Path, i);
            if (IsImage(listing.Files[i].Path))
                ImageCount++;
        }
    }

    public int ImageCount { get; }

    public int TakenCount { get; private set; }

    public static bool IsImage(string path) =>
        ImageSuffixes.GetAlternateLookup<ReadOnlySpan<char>>().Contains(Path.GetExtension(path.AsSpan()));

    public bool Has(string path) => byPath.ContainsKey(path);

    public bool IsTaken(int index) => taken[index];

    public bool TryTake(string path)
    {
        if (!byPath.TryGetValue(path, out var index))
            return false;
        Take(index);
        return true;
    }

    /// <summary>Takes every image below a folder ("" is the dataset itself), at any depth. False where there is none.</summary>
    public bool TryTakeImagesBelow(string folder)
    {
        var files = listing.Files;
        var start = folder.Length == 0 ? "" : folder + "/";
        var any = false;
        for (var i = LowerBound(start); i < files.Count && files[i].Path.StartsWith(start, StringComparison.Ordinal); i++)
        {
            if (!IsImage(files[i].Path))
                continue;
            Take(i);
            any = true;
        }
        return any;
    }

    private void Take(int index)
    {
        if (taken[index])
            return;
        taken[index] = true;
        TakenCount++;
    }

    // Path order keeps what lies below a folder together.
    private int LowerBound(string path)
    {
        var (low, high) = (0, listing.Files.Count);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (PathOrder.Compare(listing.Files[middle].Path, path) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }
}
