using System.Globalization;
using DatasetCache.Testing;

if (args is not [var folder, var imageCount, var annotatedCount]
    || !int.TryParse(imageCount, CultureInfo.InvariantCulture, out var images) || !int.TryParse(annotatedCount, CultureInfo.InvariantCulture, out var annotated)
    || annotated > images)
{
    await Console.Error.WriteLineAsync("usage: make-dataset FOLDER IMAGES ANNOTATED    (ANNOTATED <= IMAGES)");
    return 64;
}
CocoDataset.Create(folder, images, annotated);
return 0;
