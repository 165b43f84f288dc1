using System.Text.Json;

namespace DatasetCache.MakeDataset;

/// <summary>
/// A detection dataset as the platform lays it out: <c>annotations_detection.json</c>, <c>classes.txt</c> and <c>images/</c>. The same arguments
/// write the same bytes, so its version hash stays the same.
/// </summary>
internal static class CocoDataset
{
    private const int Side = 48;
    private static readonly string[] Classes = ["car", "bicycle", "person"];

    public static void Write(string folder, int images, int annotated)
    {
        Directory.CreateDirectory(Path.Combine(folder, "images"));
        for (var i = 0; i < images; i++)
            File.WriteAllBytes(Path.Combine(folder, "images", Name(i)), PngImage.Encode(Side, Side, seed: i));
        File.WriteAllLines(Path.Combine(folder, "classes.txt"), Classes);
        using var stream = File.Create(Path.Combine(folder, "annotations_detection.json"));
        using var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
        WriteAnnotations(json, images, annotated);
    }

    private static string Name(int image) => $"img_{image:00000}.png";

    private static void WriteAnnotations(Utf8JsonWriter json, int images, int annotated)
    {
        // Spread over the whole dataset, so that nobody passes by taking the first files.
        var chosen = Enumerable.Range(0, annotated).Select(i => (int)((long)i * images / annotated)).ToArray();
        json.WriteStartObject();
        json.WriteStartObject("storage_info");
        json.WriteString("image_root", "images");
        json.WriteEndObject();
        json.WriteStartArray("categories");
        for (var i = 0; i < Classes.Length; i++)
        {
            json.WriteStartObject();
            json.WriteNumber("id", i);
            json.WriteString("name", Classes[i]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("images");
        foreach (var image in chosen)
        {
            json.WriteStartObject();
            json.WriteNumber("id", image);
            json.WriteString("file_name", Name(image));
            json.WriteNumber("width", Side);
            json.WriteNumber("height", Side);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("annotations");
        foreach (var (image, index) in chosen.Select((image, index) => (image, index)))
        {
            // Every tenth is a negative sample: an image without a box.
            if (index % 10 == 9)
                continue;
            json.WriteStartObject();
            json.WriteNumber("id", index);
            json.WriteNumber("image_id", image);
            json.WriteNumber("category_id", index % Classes.Length);
            json.WriteStartArray("bbox");
            foreach (var edge in (ReadOnlySpan<int>)[4, 6, 20, 24])
                json.WriteNumberValue(edge);
            json.WriteEndArray();
            json.WriteNumber("area", 20 * 24);
            json.WriteNumber("iscrowd", 0);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
