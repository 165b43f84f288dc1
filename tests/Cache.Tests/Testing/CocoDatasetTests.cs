using System.IO.Compression;
using System.Text.Json;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Testing;

public sealed class CocoDatasetTests
{
    [Fact]
    public void Its_annotations_name_images_that_are_there_and_every_image_differs()
    {
        using var folder = new TempFolder();
        var named = CocoDataset.Create(folder.Path, images: 50, annotated: 20);

        Assert.Equal(20, named.Distinct().Count());
        Assert.All(named, path => Assert.True(File.Exists(folder[path]), path));
        var images = Directory.GetFiles(folder["images"]);
        Assert.Equal(50, images.Length);
        Assert.Equal(50, images.Select(path => Convert.ToBase64String(File.ReadAllBytes(path))).Distinct().Count());

        using var json = JsonDocument.Parse(File.ReadAllBytes(folder[CocoDataset.AnnotationFile]));
        var root = json.RootElement.GetProperty("storage_info").GetProperty("image_root").GetString();
        Assert.Equal(named, json.RootElement.GetProperty("images").EnumerateArray().Select(image => root + image.GetProperty("file_name").GetString()));
        Assert.Equal(18, json.RootElement.GetProperty("annotations").GetArrayLength());
    }

    [Fact]
    public void The_same_seed_makes_the_same_bytes()
    {
        using var folder = new TempFolder();
        foreach (var (name, seed) in new[] { ("a", 1), ("b", 1), ("c", 2) })
            CocoDataset.Create(folder[name], 3, 2, seed);
        foreach (var path in Directory.GetFiles(folder["a"], "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder["a"], path)))
        {
            Assert.Equal(File.ReadAllBytes(folder["a/" + path]), File.ReadAllBytes(folder["b/" + path]));
            if (path.StartsWith("images", StringComparison.Ordinal))
                Assert.NotEqual(File.ReadAllBytes(folder["a/" + path]), File.ReadAllBytes(folder["c/" + path]));
        }
    }

    [Fact]
    public void A_PNG_holds_its_pixels()
    {
        byte[] rgb = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        var png = Png.Encode(2, 2, rgb);
        // Signature 8, IHDR 25, then the length and the name of IDAT.
        var length = (png[33] << 24) | (png[34] << 16) | (png[35] << 8) | png[36];
        using var inflated = new ZLibStream(new MemoryStream(png, 41, length), CompressionMode.Decompress);
        using var pixels = new MemoryStream();
        inflated.CopyTo(pixels);
        Assert.Equal([0, 1, 2, 3, 4, 5, 6, 0, 7, 8, 9, 10, 11, 12], pixels.ToArray());
    }
}
