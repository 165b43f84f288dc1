using System.Text;

namespace DatasetCache.Datasets;

/// <summary>
/// Finds the images of a YOLO dataset's splits in a listing. A folder means every image below it. A file list's lines are looked for, when they begin with "./",
/// from the list's own folder first (as Ultralytics does), otherwise from <c>path</c> and the dataset's root first. Labels are .txt files, which are metadata and
/// taken anyway.
/// </summary>
internal sealed class YoloTree
{
    private readonly YoloDataFile data;
    private readonly ListingIndex index;
    private readonly WrittenPath written;
    private readonly MissingImages missing;
    private readonly Func<string, ValueTask<Stream>> open;
    private readonly IReadOnlyList<string> bases;

    public YoloTree(YoloDataFile data, ListingIndex index, WrittenPath written, MissingImages missing, Func<string, ValueTask<Stream>> open)
    {
        (this.data, this.index, this.written, this.missing, this.open) = (data, index, written, missing, open);
        // `path` is often where the dataset lay on somebody's disk; then the entries are relative to the dataset itself.
        bases = [.. (data.Path is null ? [] : written.Candidates(data.Path.Trim())).Append("").Distinct(StringComparer.Ordinal)];
    }

    public static bool IsFileList(string path) => path.EndsWith(".txt", StringComparison.Ordinal);

    /// <summary>The label file of every listed image, wherever YOLO may look for it: beside it, or with the last <c>images</c> folder called <c>labels</c>.</summary>
    public static HashSet<string> LabelsOf(Manifest listing)
    {
        var labels = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in listing.Files)
        {
            if (!ListingIndex.IsImage(file.Path))
                continue;
            var beside = Path.ChangeExtension(file.Path, ".txt");
            labels.Add(beside);
            var folder = $"/{beside}".LastIndexOf("/images/", StringComparison.Ordinal);
            if (folder >= 0)
                labels.Add(string.Concat(beside.AsSpan(0, folder), "labels", beside.AsSpan(folder + "images".Length)));
        }
        return labels;
    }

    public async Task TakeAsync(CancellationToken cancellationToken)
    {
        foreach (var split in data.Splits)
        {
            foreach (var entry in split.Entries)
            {
                var places = EntryPlaces(entry.Trim()).ToList();
                if (places.Find(place => IsFileList(place) && index.Has(place)) is { } list)
                    await TakeListAsync(list, cancellationToken);
                else if (!places.Exists(place => index.TryTakeImagesBelow(place) || (ListingIndex.IsImage(place) && index.TryTake(place))) && !split.IsOptional)
                    missing.Add(places.Count > 0 ? places[0] : entry, places.Select(place => WrittenPath.Join(place, "any.jpg")));
            }
        }
    }

    private async Task TakeListAsync(string list, CancellationToken cancellationToken)
    {
        var folder = list[..Math.Max(0, list.LastIndexOf('/'))];
        await using var stream = await open(list);
        using var reader = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true));
        for (var line = 1; ; line++)
        {
            string? text;
            try
            {
                text = await reader.ReadLineAsync(cancellationToken);
            }
            catch (DecoderFallbackException e)
            {
                throw new IntegrityException($"The file list {PrintableText.Quote(list)} cannot be read: near line {line} it is not UTF-8.", "Mend it at the origin, or take the whole dataset with --select all.", e);
            }
            if (text is null)
                return;
            text = text.Trim();
            if (text.Length == 0)
                continue;
            var places = LinePlaces(text, folder);
            if (!places.Any(index.TryTake))
                missing.Add(places.FirstOrDefault() ?? text, places);
        }
    }

    private IEnumerable<string> LinePlaces(string text, string listFolder)
    {
        var fromList = WrittenPath.Normalize($"{listFolder}/{text}");
        var isDotted = text.StartsWith("./", StringComparison.Ordinal) || text.StartsWith("../", StringComparison.Ordinal);
        if (isDotted && fromList is not null)
            yield return fromList;
        foreach (var place in EntryPlaces(text))
            yield return place;
        if (!isDotted && fromList is not null)
            yield return fromList;
    }

    private IEnumerable<string> EntryPlaces(string entry)
    {
        var isRelative = !entry.StartsWith('/') && !entry.Contains(':');
        foreach (var folder in isRelative ? bases : [])
        {
            if (WrittenPath.Normalize($"{folder}/{entry.Replace('\\', '/')}") is { } place)
                yield return place;
        }
        foreach (var place in written.Candidates(entry))
            yield return place;
        // An absolute `path` that the entries repeat.
        if (!isRelative && data.Path is { Length: > 1 } path && entry.StartsWith(path.TrimEnd('/') + "/", StringComparison.Ordinal)
            && WrittenPath.Normalize(entry[path.TrimEnd('/').Length..]) is { } inside)
            yield return inside;
        // Roboflow writes ../train/images for train/images; Ultralytics strips it too.
        var bare = entry.Replace('\\', '/');
        while (bare.StartsWith("../", StringComparison.Ordinal))
            bare = bare[3..];
        if (bare.Length < entry.Length && WrittenPath.Normalize(bare) is { } stripped)
            yield return stripped;
    }
}
