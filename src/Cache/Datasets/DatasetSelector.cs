using System.Globalization;
using DatasetCache.Integrity;

namespace DatasetCache.Datasets;

/// <summary>
/// What a selection makes of a listing. <paramref name="Reason"/> says it to people, for example <c>annotated: annotations_detection.json names 163 of 1000
/// images</c>. <paramref name="MissingCount"/> images are named by the annotations and not listed; <paramref name="MissingFirst"/> holds the first five, as
/// paths below the dataset. Whether that is an error is the caller's decision.
/// </summary>
public sealed record SelectedFiles(Manifest Manifest, int MissingCount, IReadOnlyList<string> MissingFirst, string Reason);

/// <summary>
/// Decides which of the listed files a job gets. Annotated means all metadata files (<see cref="DatasetVersionHash.IsMetadata"/>) and the images that
/// the first of these names: COCO annotations at the dataset's root (<c>annotations_detection.json</c>, then <c>annotations.json</c>), a YOLO
/// <c>data.yaml</c> or <c>data.yml</c> there, or, only where annotated is asked for by name, the class folders of an ImageFolder tree. Include and exclude
/// globs then apply to everything, metadata too.
/// </summary>
public static class DatasetSelector
{
    private static readonly string[] CocoFiles = ["annotations_detection.json", "annotations.json"];
    private static readonly string[] YoloFiles = ["data.yaml", "data.yml"];

    /// <summary>
    /// The files that <see cref="SelectAsync"/> reads, to be downloaded first: annotation files, <c>data.yaml</c>, and every .txt file that could be
    /// one of its file lists because it is not the label file of a listed image. All are metadata. Often empty.
    /// </summary>
    /// <exception cref="InvalidRequestException">A glob is broken.</exception>
    public static IReadOnlyList<ManifestFile> NeededFirst(Manifest listing, Selection selection)
    {
        ArgumentNullException.ThrowIfNull(listing);
        ArgumentNullException.ThrowIfNull(selection);
        _ = new SelectionGlobs(selection);
        if (selection.Mode == SelectionMode.All)
            return [];
        var hasYolo = listing.Files.Any(file => YoloFiles.Contains(file.Path, StringComparer.Ordinal));
        var labels = hasYolo ? YoloTree.LabelsOf(listing) : null;
        return [.. listing.Files.Where(file => CocoFiles.Contains(file.Path, StringComparer.Ordinal) || YoloFiles.Contains(file.Path, StringComparer.Ordinal)
            || (labels is not null && YoloTree.IsFileList(file.Path) && !labels.Contains(file.Path)))];
    }

    /// <param name="listing">Everything below the dataset's prefix, each path once (<see cref="DatasetPath.RefuseConflicts"/>).</param>
    /// <param name="datasetPrefix">Where the dataset lies at its origin (empty, or ending in '/'): annotations may name images by full key or URL.</param>
    /// <param name="selection">What the job asked for.</param>
    /// <param name="open">
    /// Opens a checked local copy of a file that <see cref="NeededFirst"/> named; the stream is disposed here. Another metadata file is asked for only where
    /// <c>data.yaml</c> calls an image's label file a list of files.
    /// </param>
    /// <param name="cancellationToken">Stops between two reads.</param>
    /// <exception cref="DatasetNotFoundException">Nothing is listed, nothing is left, or annotated was asked for and no annotations were found.</exception>
    /// <exception cref="IntegrityException">An annotation file cannot be read; with file, line and position.</exception>
    /// <exception cref="InvalidRequestException">A glob is broken.</exception>
    public static async Task<SelectedFiles> SelectAsync(
        Manifest listing, string datasetPrefix, Selection selection, Func<string, ValueTask<Stream>> open, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(listing);
        ArgumentNullException.ThrowIfNull(datasetPrefix);
        ArgumentNullException.ThrowIfNull(selection);
        ArgumentNullException.ThrowIfNull(open);
        var globs = new SelectionGlobs(selection);
        if (listing.Files.Count == 0)
            throw new DatasetNotFoundException("The dataset holds no files.", "Check its id, the bucket and the prefix.");
        if (selection.Mode == SelectionMode.All)
            return Finish(listing, static _ => true, globs, missing: null, "all");

        var index = new ListingIndex(listing);
        var missing = new MissingImages(globs);
        var written = new WrittenPath(datasetPrefix);
        var foreign = new List<string>();
        var reason = await TakeCocoAsync(index, written, missing, open, foreign, cancellationToken)
            ?? await TakeYoloAsync(index, written, missing, open, foreign, cancellationToken)
            ?? (selection.Mode == SelectionMode.Annotated ? ImageFolderTree.Take(listing, index) : null);
        if (reason is not null)
            return Finish(listing, i => index.IsTaken(i) || DatasetVersionHash.IsMetadata(listing.Files[i].Path), globs, missing, "annotated: " + reason);

        var not = foreign.Count > 0 ? $"{string.Join(" and ", foreign)} at the dataset's root {(foreign.Count > 1 ? "hold" : "holds")} no annotations" : "no annotation file lies at the dataset's root";
        if (selection.Mode == SelectionMode.Auto)
            return Finish(listing, static _ => true, globs, missing: null, "all: " + not);
        throw new DatasetNotFoundException(
            $"Annotated images were asked for, but {not}: looked for {string.Join(", ", CocoFiles)} (COCO), {string.Join(", ", YoloFiles)} (YOLO) and images in class folders (ImageFolder).",
            "Take the whole dataset with --select all.");
    }

    private static async Task<string?> TakeCocoAsync(
        ListingIndex index, WrittenPath written, MissingImages missing, Func<string, ValueTask<Stream>> open, List<string> foreign, CancellationToken cancellationToken)
    {
        foreach (var file in CocoFiles.Where(index.Has))
        {
            await using var stream = await open(file);
            if (await CocoAnnotations.ReadAsync(file, stream, cancellationToken) is { } annotations)
            {
                TakeCoco(annotations, index, written, missing);
                return Names(file, index);
            }
            foreign.Add(file);
        }
        return null;
    }

    // An image is looked for below image_root, then as written, then below images/: the first that is listed is it.
    private static void TakeCoco(CocoAnnotations annotations, ListingIndex index, WrittenPath written, MissingImages missing)
    {
        var roots = string.IsNullOrWhiteSpace(annotations.ImageRoot) ? [] : written.Candidates(annotations.ImageRoot.Trim());
        foreach (var name in annotations.FileNames)
        {
            var names = written.Candidates(name);
            var places = Places(roots, names);
            if (!places.Any(index.TryTake))
                missing.Add(places.FirstOrDefault() ?? name, Places(roots, names));
        }
    }

    private static IEnumerable<string> Places(IReadOnlyList<string> roots, IReadOnlyList<string> names)
    {
        foreach (var root in roots)
        {
            foreach (var name in names)
                yield return WrittenPath.Join(root, name);
        }
        foreach (var name in names)
            yield return name;
        foreach (var name in names)
            yield return WrittenPath.Join("images", name);
    }

    private static async Task<string?> TakeYoloAsync(
        ListingIndex index, WrittenPath written, MissingImages missing, Func<string, ValueTask<Stream>> open, List<string> foreign, CancellationToken cancellationToken)
    {
        foreach (var file in YoloFiles.Where(index.Has))
        {
            YoloDataFile? data;
            await using (var stream = await open(file))
                data = YoloDataFile.Read(file, stream);
            if (data is not null)
            {
                await new YoloTree(data, index, written, missing, open).TakeAsync(cancellationToken);
                return Names(file, index);
            }
            foreign.Add(file);
        }
        return null;
    }

    private static string Names(string file, ListingIndex index) =>
        string.Create(CultureInfo.InvariantCulture, $"{file} names {index.TakenCount} of {index.ImageCount} images");

    private static SelectedFiles Finish(Manifest listing, Func<int, bool> isTaken, SelectionGlobs globs, MissingImages? missing, string reason)
    {
        var files = listing.Files.Where((file, i) => isTaken(i) && (globs.IsEmpty || globs.Takes(file.Path))).ToList();
        if (files.Count == 0)
            throw new DatasetNotFoundException($"The selection ({reason}; {globs}) leaves none of the dataset's {listing.Files.Count} files.", "Check the globs: upper and lower case differ, and a pattern with '/' starts at the dataset's root.");
        if (missing is { Count: > 0 })
            reason += string.Create(CultureInfo.InvariantCulture, $" and {missing.Count} that are missing");
        if (!globs.IsEmpty)
            reason += string.Create(CultureInfo.InvariantCulture, $"; the globs leave {files.Count} of {listing.Files.Count} files");
        return new SelectedFiles(new Manifest(files), missing?.Count ?? 0, missing?.First ?? [], reason);
    }
}
