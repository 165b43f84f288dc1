using System.Reflection;
using System.Runtime.Loader;
using DatasetCache.Datasets;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class YoloSelectionTests
{
    private static readonly string[] Tree =
    [
        "images/train/a.jpg", "images/train/deep/b.PNG", "images/train/x.npy", "images/train-2/c.jpg", "images/val/d.jpg", "images/other/e.jpg",
        "labels/train/a.txt", "labels/val/d.txt", "README.md",
    ];

    [Theory]
    [InlineData("train: images/train\nval: images/val")]
    [InlineData("path: .\ntrain: ./images/train/\nval: [images/val]")]
    [InlineData("path: ../datasets/coco8 # where Ultralytics keeps it\ntrain: images/train\nval:\n  - images/val\nnames:\n  0: person\n  1: [x, {y: z}]")]
    [InlineData("path: images\ntrain: train\nval: val")]
    [InlineData("path: /content/ds_1\ntrain: images/train\nval: /content/ds_1/images/val")]
    [InlineData("path: /content/other\ntrain: images/train\nval: /content/other/images/val")]
    [InlineData("train: ../images/train\nval: ../images/val\ntest: ../images/test\nnc: 1")] // Roboflow
    [InlineData("train: &t\n  - images/train\n  - images/val\nval: *t\ntest: null")]
    [InlineData("train: s3://bucket/datasets/ds_1/images/train\nvalidation: datasets/ds_1/images/val\ntest:")]
    [InlineData("{train: 'images\\train', val: \"images/val/d.jpg\", ? [complex, key] : ignored}")]
    [InlineData("%YAML 1.2\n---\ntrain: images/train\nval: images/val\n...\n")]
    public async Task The_splits_folders_are_taken_with_all_metadata(string yaml)
    {
        foreach (var name in new[] { "data.yaml", "data.yml" })
        {
            var selected = await new SelectionCase().With(Tree).WithText(name, yaml).SelectAsync();
            Assert.Equal([name, "images/train/a.jpg", "images/train/deep/b.PNG", "images/val/d.jpg", "labels/train/a.txt", "labels/val/d.txt"], selected.Manifest.Files.Select(file => file.Path));
            Assert.Equal(0, selected.MissingCount);
            Assert.Equal($"annotated: {name} names 3 of 5 images", selected.Reason);
        }
    }

    [Fact]
    public async Task File_lists_name_images_from_their_own_folder_or_from_the_datasets_root()
    {
        var dataset = new SelectionCase().With(Tree).With("lists/images/near.jpg", "images/near.jpg", "lists/only.jpg")
            .WithText("data.yaml", "train: [lists/train.txt, ./more.txt]\nval: images/val")
            .WithText("lists/train.txt", "./images/near.jpg\r\n\r\nimages/train/a.jpg\nonly.jpg\n../images/train-2/c.jpg")
            .WithText("more.txt", "s3://bucket/datasets/ds_1/images/other/e.jpg\n./images/gone.jpg\nimages/gone.jpg\n");
        var selected = await dataset.SelectAsync();
        Assert.Equal(
            ["images/other/e.jpg", "images/train/a.jpg", "images/train-2/c.jpg", "images/val/d.jpg", "lists/images/near.jpg", "lists/only.jpg"],
            selected.Manifest.Files.Select(file => file.Path).Where(path => path.EndsWith(".jpg", StringComparison.Ordinal)));
        Assert.Equal(["images/gone.jpg"], selected.MissingFirst);
        Assert.Equal(["data.yaml", "lists/train.txt", "more.txt"], dataset.Opened);
    }

    [Fact]
    public void What_must_be_there_first_leaves_the_labels_out()
    {
        var listing = new SelectionCase().With(Tree).With("data.yaml", "train.txt", "splits/val.txt", "images/train/a.txt", "annotations.json", "sub/data.yaml", "x.json").Listing;
        Assert.Equal(["annotations.json", "data.yaml", "splits/val.txt", "train.txt"], DatasetSelector.NeededFirst(listing, Selection.Auto).Select(file => file.Path));
        Assert.Empty(DatasetSelector.NeededFirst(listing, new Selection { Mode = SelectionMode.All }));
    }

    [Fact]
    public async Task A_train_or_val_split_that_is_not_there_is_missed_a_test_split_is_not()
    {
        var selected = await new SelectionCase().With(Tree).WithText("data.yaml", "train: images/train\nval: [images/nowhere, val.txt]\ntest: images/nowhere2").SelectAsync();
        Assert.Equal(["images/nowhere", "val.txt"], selected.MissingFirst);
    }

    [Theory]
    [InlineData("train: [images/train", "line 2, column 1")] // the end
    [InlineData("train: images/train\n  val: x", "line 2")]
    [InlineData("train: images/train\nval: {a: b}", "line 2, column 6")]
    [InlineData("train: images/train\nval: [[a]]", "line 2, column 7")]
    [InlineData("train: images/train\nval: *unknown", "line 2, column 6")]
    [InlineData("train: images/train\n\tval: x", "line 1, column 8")]
    public async Task A_broken_file_is_an_integrity_error_that_says_where(string yaml, string where)
    {
        var error = await Assert.ThrowsAsync<IntegrityException>(() => new SelectionCase().With(Tree).WithText("data.yaml", yaml).SelectAsync());
        Assert.Contains("\"data.yaml\"", error.Message);
        Assert.Contains(where, error.Message);
        Assert.Contains("--select all", error.Advice);
    }

    [Fact]
    public async Task What_is_not_UTF_8_is_an_integrity_error()
    {
        byte[] bad = [.. "train: images/"u8, 0xFF, 0xFE];
        Assert.Contains("UTF-8", (await Assert.ThrowsAsync<IntegrityException>(() => new SelectionCase().With(Tree).WithBytes("data.yaml", bad).SelectAsync())).Message);
        var list = new SelectionCase().With(Tree).WithText("data.yaml", "train: t.txt").WithBytes("t.txt", bad);
        Assert.Contains("\"t.txt\"", (await Assert.ThrowsAsync<IntegrityException>(() => list.SelectAsync())).Message);
    }

    [Fact]
    public async Task Nesting_without_end_costs_no_stack()
    {
        var yaml = "train: images/train\nx: " + new string('[', 20_000) + new string(']', 20_000);
        Assert.Contains("images/train/a.jpg", await new SelectionCase().With(Tree).WithText("data.yaml", yaml).PathsAsync());
    }

    [Fact]
    public async Task Yaml_without_splits_is_no_annotation_file()
    {
        var dataset = new SelectionCase().With(Tree).WithText("data.yaml", "names: [a, b]\ntest:");
        var selected = await dataset.SelectAsync();
        Assert.Equal(Tree.Length + 1, selected.Manifest.Files.Count);
        Assert.Equal("all: data.yaml at the dataset's root holds no annotations", selected.Reason);
    }

    /// <summary>A load context of its own sees which assemblies this half of the process asks for.</summary>
    [Fact]
    public async Task YamlDotNet_loads_with_the_first_data_yaml_and_not_before()
    {
        var context = new RecordingContext();
        try
        {
            await SelectInAsync(context, "annotations.json", """{"images":[{"file_name":"a.jpg"}]}""");
            Assert.DoesNotContain("YamlDotNet", context.Asked);
            await SelectInAsync(context, "data.yaml", "train: .");
            Assert.Contains("YamlDotNet", context.Asked);
        }
        finally
        {
            context.Unload();
        }
    }

    private static async Task SelectInAsync(RecordingContext context, string name, string content)
    {
        var assembly = context.LoadFromAssemblyPath(typeof(Manifest).Assembly.Location);
        var file = assembly.GetType(typeof(ManifestFile).FullName!)!;
        var files = Array.CreateInstance(file, 2);
        files.SetValue(Activator.CreateInstance(file, "a.jpg", 1L, "e"), 0);
        files.SetValue(Activator.CreateInstance(file, name, 1L, "e"), 1);
        var listing = Activator.CreateInstance(assembly.GetType(typeof(Manifest).FullName!)!, files);
        var auto = assembly.GetType(typeof(Selection).FullName!)!.GetProperty(nameof(Selection.Auto))!.GetValue(null);
        Func<string, ValueTask<Stream>> open = _ => ValueTask.FromResult<Stream>(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(content)));
        var select = assembly.GetType(typeof(DatasetSelector).FullName!)!.GetMethod(nameof(DatasetSelector.SelectAsync))!;
        await (Task)select.Invoke(null, [listing, "", auto, open, CancellationToken.None])!;
    }

    private sealed class RecordingContext() : AssemblyLoadContext("recording", isCollectible: true)
    {
        public List<string?> Asked { get; } = [];

        protected override Assembly? Load(AssemblyName assemblyName)
        {
            Asked.Add(assemblyName.Name);
            return null; // the default context's will do
        }
    }
}
