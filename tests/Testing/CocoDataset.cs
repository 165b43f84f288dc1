using System.Globalization;
using System.Text.Json;

namespace DatasetCache.Testing;

/// <summary>A small dataset in the manner of COCO: images that decode, some of them annotated. The same seed makes the same bytes.</summary>
public static class CocoDataset
{
    public const string AnnotationFile = "annotations_detection.json";

    /// <summary>Writes the dataset into a folder: <c>images/img_00001.png</c> and on, the annotation file, and <c>classes.txt</c>.</summary>
    /// <param name="folder">Where; made if it is not there.</param>
    /// <param name="images">How many images there are.</param>
    /// <param name="annotated">How many of them the annotation file names; every tenth of these has no boxes.</param>
    /// <param name="seed">Tells datasets apart.</param>
    /// <param name="width">Pixels; an image takes about 3 × width × height bytes.</param>
    /// <param name="height">Pixels.</param>
    /// <returns>The paths that the annotations name, below <paramref name="folder"/>.</returns>
    public static IReadOnlyList<string> Create(string folder, int images, int annotated, int seed = 1, int width = 32, int height = 24)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(annotated, images);
        Directory.CreateDirectory(Path.Combine(folder, "images"));
        var pixels = new byte[width * height * 3];
        for (var i = 1; i <= images; i++)
        {
            RandomFor(seed, i).NextBytes(pixels);
            File.WriteAllBytes(Path.Combine(folder, ImagePath(i)), Png.Encode(width, height, pixels));
        }
        File.WriteAllText(Path.Combine(folder, "classes.txt"), "cat\ndog\n");
        // Spread over all images, not the first ones.
        var named = Enumerable.Range(0, annotated).Select(i => 1 + (int)((long)i * images / annotated)).ToArray();
        WriteAnnotations(Path.Combine(folder, AnnotationFile), named, seed, width, height);
        return [.. named.Select(ImagePath)];
    }

    private static string ImagePath(int number) => "images/" + FileName(number);

    private static string FileName(int number) => string.Create(CultureInfo.InvariantCulture, $"img_{number:d5}.png");

    private static Random RandomFor(int seed, int image) => new((seed * 1_000_003) ^ image);

    private static void WriteAnnotations(string path, int[] named, int seed, int width, int height)
    {
        using var file = File.Create(path);
        using var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteStartObject("storage_info");
        json.WriteString("image_root", "images/");
        json.WriteEndObject();
        json.WriteStartArray("images");
        foreach (var image in named)
        {
            json.WriteStartObject();
            json.WriteNumber("id", image);
            json.WriteString("file_name", FileName(image));
            json.WriteNumber("width", width);
            json.WriteNumber("height", height);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("annotations");
        for (var i = 0; i < named.Length; i++)
        {
            if (i % 10 == 9)
                continue;
            var random = RandomFor(seed, -named[i]);
            var (x, y) = (random.Next(width / 2), random.Next(height / 2));
            json.WriteStartObject();
            json.WriteNumber("id", i + 1);
            json.WriteNumber("image_id", named[i]);
            json.WriteNumber("category_id", 1 + random.Next(2));
            json.WriteStartArray("bbox");
            json.WriteNumberValue(x);
            json.WriteNumberValue(y);
            json.WriteNumberValue(width - x);
            json.WriteNumberValue(height - y);
            json.WriteEndArray();
            json.WriteNumber("area", (width - x) * (height - y));
            json.WriteNumber("iscrowd", 0);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("categories");
        foreach (var (id, name) in new[] { (1, "cat"), (2, "dog") })
        {
            json.WriteStartObject();
            json.WriteNumber("id", id);
            json.WriteString("name", name);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
