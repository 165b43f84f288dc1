using DatasetCache.Datasets;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class DatasetSelectorTests
{
    private static readonly Selection Annotated = new() { Mode = SelectionMode.Annotated };
    private static readonly Selection All = new() { Mode = SelectionMode.All };

    private const string NamesA = """{"images":[{"file_name":"a.jpg"}]}""";

    [Fact]
    public async Task Auto_without_an_annotation_file_takes_all_and_reads_nothing()
    {
        var dataset = new SelectionCase().With("cats/1.jpg", "notes.txt", "sub/annotations.json", "sub/data.yaml", "x.bin");
        var selected = await dataset.SelectAsync();
        Assert.Equal(5, selected.Manifest.Files.Count);
        Assert.Equal("all: no annotation file lies at the dataset's root", selected.Reason);
        Assert.Empty(dataset.Opened);
    }

    [Fact]
    public async Task All_takes_all_though_annotations_are_there_and_even_broken()
    {
        var dataset = new SelectionCase().With("a.jpg", "b.jpg").WithText("annotations.json", "{broken");
        Assert.Equal(3, (await dataset.SelectAsync(All)).Manifest.Files.Count);
        Assert.Empty(dataset.Opened);
    }

    [Fact]
    public async Task Detection_annotations_go_before_others_and_COCO_before_YOLO()
    {
        var dataset = new SelectionCase().With("a.jpg", "b.jpg", "c/c.jpg").WithText("data.yaml", "train: c");
        Assert.Contains("c/c.jpg", await dataset.PathsAsync());
        dataset.WithText("annotations.json", """{"images":[{"file_name":"b.jpg"}]}""");
        Assert.Equal(["b.jpg"], Images(await dataset.PathsAsync()));
        dataset.WithText("annotations_detection.json", NamesA);
        Assert.Equal(["a.jpg"], Images(await dataset.PathsAsync()));
    }

    [Theory]
    [InlineData("[1, 2]")]
    [InlineData("\"text\"")]
    [InlineData("{\"a.jpg\": {\"regions\": []}}")]
    [InlineData("{\"images\": {\"a.jpg\": 1}}")]
    public async Task Json_of_another_kind_is_no_annotation_file(string json)
    {
        var dataset = new SelectionCase().With("a.jpg", "b.jpg").WithText("annotations_detection.json", json);
        Assert.Equal(3, (await dataset.PathsAsync()).Length);
        dataset.WithText("annotations.json", NamesA);
        Assert.Equal(["a.jpg"], Images(await dataset.PathsAsync()));
    }

    [Fact]
    public async Task Annotations_that_name_no_image_leave_the_metadata() =>
        Assert.Equal(["annotations.json"], await new SelectionCase().With("a.jpg").WithText("annotations.json", """{"images":[]}""").PathsAsync());

    [Fact]
    public async Task Annotated_without_annotations_says_what_was_looked_for_and_what_to_do()
    {
        foreach (var dataset in new[] { new SelectionCase().With("images/a.jpg", "b.jpg"), new SelectionCase().With("train/a.jpg", "notes.txt").WithText("annotations.json", "[]") })
        {
            var error = await Assert.ThrowsAsync<DatasetNotFoundException>(() => dataset.SelectAsync(Annotated));
            Assert.All(["annotations_detection.json", "annotations.json", "data.yaml", "data.yml", "class folders"], what => Assert.Contains(what, error.Message));
            Assert.Contains("--select all", error.Advice);
        }
    }

    [Fact]
    public async Task Class_folders_are_understood_when_annotated_is_asked_for()
    {
        var dataset = new SelectionCase().With("cat/1.jpg", "dog/deep/2.JPEG", "root.jpg", "cat/x.bin", "classes.txt", ".thumbs/1.jpg");
        var selected = await dataset.SelectAsync(Annotated);
        Assert.Equal(["cat/1.jpg", "classes.txt", "dog/deep/2.JPEG"], selected.Manifest.Files.Select(file => file.Path));
        Assert.Equal("annotated: 2 class folders hold 2 of 4 images", selected.Reason);
        Assert.Equal(
            ["train/cat/1.jpg", "val/cat/2.jpg"],
            await new SelectionCase().With("train/cat/1.jpg", "val/cat/2.jpg", "train/3.jpg", "val/images/4.jpg").PathsAsync(Annotated));
    }

    [Fact]
    public async Task Selecting_nothing_is_an_error_that_names_the_globs()
    {
        var dataset = new SelectionCase().With("a.jpg");
        var error = await Assert.ThrowsAsync<DatasetNotFoundException>(() => dataset.SelectAsync(new Selection { Include = ["*.JPG"], Exclude = ["b"] }));
        Assert.Contains("include *.JPG, exclude b", error.Message);
        await Assert.ThrowsAsync<DatasetNotFoundException>(() => new SelectionCase().SelectAsync(All));
    }

    [Fact]
    public void A_broken_glob_is_told_before_anything_is_downloaded() =>
        Assert.Throws<InvalidRequestException>(() => DatasetSelector.NeededFirst(new SelectionCase().With("a").Listing, new Selection { Mode = SelectionMode.All, Exclude = ["[a"] }));

    private static IEnumerable<string> Images(string[] paths) => paths.Where(path => path.EndsWith(".jpg", StringComparison.Ordinal));
}
