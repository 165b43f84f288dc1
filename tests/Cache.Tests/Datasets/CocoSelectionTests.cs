using System.Text;
using DatasetCache.Datasets;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class CocoSelectionTests
{
    private static readonly Selection Annotated = new() { Mode = SelectionMode.Annotated };

    [Fact]
    public async Task Metadata_and_the_named_images_are_taken_negative_samples_too()
    {
        var names = string.Join(',', Enumerable.Range(0, 163).Select(i => $$"""{"id":{{i}},"file_name":"{{i:D4}}.jpg","width":3}"""));
        var dataset = new SelectionCase()
            .With(Enumerable.Range(0, 1000).Select(i => $"images/{i:D4}.jpg"))
            .With("classes.txt", "notes/x.yaml", "README.md", "weights.bin", "a.TXT")
            .WithText("annotations_detection.json", $$"""{"storage_info":{"image_root":"images"},"images":[{{names}}],"annotations":[{"image_id":1,"bbox":[1,2,3,4]}]}""");

        var selected = await dataset.SelectAsync();

        Assert.Equal("annotated: annotations_detection.json names 163 of 1000 images", selected.Reason);
        Assert.Equal((0, 0), (selected.MissingCount, selected.MissingFirst.Count));
        Assert.Equal(
            ["annotations_detection.json", "classes.txt", .. Enumerable.Range(0, 163).Select(i => $"images/{i:D4}.jpg"), "notes/x.yaml"],
            selected.Manifest.Files.Select(file => file.Path).Order(StringComparer.Ordinal));
        Assert.Equal(["annotations_detection.json"], dataset.Opened);
    }

    [Theory]
    [InlineData("images")]
    [InlineData("images/")]
    [InlineData("./images")]
    [InlineData("/images/")]
    [InlineData("s3://bucket/datasets/ds_1/images")]
    [InlineData("s3://bucket/datasets/ds_1/images/")]
    [InlineData("https://minio:9000/elsewhere/ds_1/images")]
    [InlineData("datasets/ds_1/images/")]
    [InlineData("/datasets/ds_1/images")]
    [InlineData("/home/ann/work/ds_1/images")]
    [InlineData("C:\\\\work\\\\ds_1\\\\images")]
    [InlineData("images/deep/..")]
    public async Task The_image_root_may_be_written_in_many_ways(string root)
    {
        // The twins elsewhere tell which lookup found it.
        var dataset = new SelectionCase().With("images/x/a.jpg", "x/a.jpg", "images/images/x/a.jpg")
            .WithText("annotations.json", $$$"""{"images":[{"file_name":"x/a.jpg"}],"storage_info":{"image_root":"{{{root}}}"}}""");
        Assert.Equal(["annotations.json", "images/x/a.jpg"], await dataset.PathsAsync());
    }

    [Theory]
    [InlineData("s3://bucket/datasets/ds_1")]
    [InlineData("s3://bucket/datasets/ds_1/")]
    [InlineData("s3://bucket")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("../../outside")]
    public async Task An_image_root_may_be_the_dataset_itself_or_lead_nowhere(string root)
    {
        var dataset = new SelectionCase().With("x/a.jpg", "y.jpg", "z.jpg")
            .WithText("annotations.json", $$$"""{"images":[{"file_name":"x/a.jpg"}],"storage_info":{"image_root":"{{{root}}}"}}""");
        Assert.Equal(["annotations.json", "x/a.jpg"], (await dataset.PathsAsync()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_image_is_looked_for_below_the_root_then_as_written_then_below_images()
    {
        const string Annotations = """{"images":[{"file_name":"a.jpg"}],"storage_info":{"image_root":"root"}}""";
        var dataset = new SelectionCase().With("images/a.jpg").WithText("annotations.json", Annotations);
        Assert.Contains("images/a.jpg", await dataset.PathsAsync());
        dataset.With("a.jpg");
        Assert.Equal(["a.jpg", "annotations.json"], await dataset.PathsAsync());
        dataset.With("root/a.jpg");
        Assert.Equal(["root/a.jpg", "annotations.json"], (await dataset.PathsAsync()).OrderDescending(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("images/a.jpg")]
    [InlineData("./images//a.jpg")]
    [InlineData("images\\\\a.jpg")]
    [InlineData("s3://bucket/datasets/ds_1/images/a.jpg")]
    [InlineData("datasets/ds_1/images/a.jpg")]
    [InlineData("/images/a.jpg")]
    [InlineData("im\\u0061ges/a.jpg")]
    public async Task A_file_name_may_be_written_in_many_ways(string name)
    {
        var dataset = new SelectionCase().With("images/a.jpg", "images/b.jpg").WithText("annotations.json", $$$"""{"images":[{"file_name":"{{{name}}}"}]}""");
        Assert.Equal(["annotations.json", "images/a.jpg"], await dataset.PathsAsync());
    }

    [Fact]
    public async Task A_dataset_at_the_buckets_root_has_no_prefix_to_strip()
    {
        var dataset = new SelectionCase { Prefix = "" }.With("images/a.jpg", "images/b.jpg")
            .WithText("annotations.json", """{"images":[{"file_name":"a.jpg"}],"storage_info":{"image_root":"s3://bucket/images"}}""");
        Assert.Equal(["annotations.json", "images/a.jpg"], await dataset.PathsAsync());
    }

    [Fact]
    public async Task Missing_images_are_counted_once_each_and_the_first_five_named()
    {
        var names = string.Join(',', Enumerable.Range(0, 9).Append(3).Select(i => $$"""{"file_name":"{{i}}.jpg"}"""));
        var dataset = new SelectionCase().With("images/0.jpg", "images/1.jpg")
            .WithText("annotations.json", $$$"""{"images":[{{{names}}},{"file_name":"../../etc/passwd"}],"storage_info":{"image_root":"images"}}""");
        var selected = await dataset.SelectAsync();
        Assert.Equal(8, selected.MissingCount);
        Assert.Equal(["images/2.jpg", "images/3.jpg", "images/4.jpg", "images/5.jpg", "images/6.jpg"], selected.MissingFirst);
        Assert.Equal("annotated: annotations.json names 2 of 2 images and 8 that are missing", selected.Reason);
    }

    [Fact]
    public async Task Globs_apply_to_everything_and_what_they_leave_out_is_not_missed()
    {
        var dataset = new SelectionCase().With("images/train/a.jpg", "images/val/b.jpg", "labels/a.txt")
            .WithText("annotations.json", """{"images":[{"file_name":"train/a.jpg"},{"file_name":"val/b.jpg"},{"file_name":"val/gone.jpg"},{"file_name":"train/gone.jpg"}],"storage_info":{"image_root":"images"}}""");
        var selected = await dataset.SelectAsync(new Selection { Include = ["images/train/**", "*.txt", "images/val/**"], Exclude = ["images/val/"] });
        Assert.Equal(["images/train/a.jpg", "labels/a.txt"], selected.Manifest.Files.Select(file => file.Path));
        Assert.Equal(["images/train/gone.jpg"], selected.MissingFirst);
        Assert.EndsWith("; the globs leave 2 of 4 files", selected.Reason);
    }

    [Theory]
    [InlineData("""{"images":[{"a":{"file_name":"x"},"file_name":"a.jpg","b":[{"file_name":"y"}]}],"annotations":[{"images":[{"file_name":"z"}]}]}""")]
    [InlineData("""{"info":{"images":[{"file_name":"z"}],"storage_info":{"image_root":"z"}},"images":[{"file_name":"a.jpg"}]}""")]
    [InlineData("""{"images":[{"file_name":"z"}],"images":[{"file_name":"z","file_name":"a.jpg"}]}""")]
    [InlineData("""{"storage_info":{"x":{"image_root":"z"},"image_root":null},"images":[{"file_name":"a.jpg"}],"storage_info":"none"}""")]
    [InlineData("""{"annotations":[{"area":NaN,"b":[-Infinity,Infinity,"NaN \" Infinity"]}],"images":[{"score":NaN,"file_name":"a.jpg"}]}""")]
    public async Task Only_the_right_members_count_whatever_stands_around_them(string json)
    {
        foreach (var most in new[] { 1, 7, int.MaxValue })
        {
            var dataset = new SelectionCase { MostPerRead = most }.With("a.jpg", "x", "y", "z").WithBytes("annotations.json", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(json)]);
            var selected = await dataset.SelectAsync(Annotated);
            Assert.Equal(["a.jpg", "annotations.json"], selected.Manifest.Files.Select(file => file.Path));
            Assert.Equal(0, selected.MissingCount);
        }
    }

    [Theory]
    [InlineData("NaN \\\"Infinity\\\".jpg", "NaN \"Infinity\".jpg")]
    [InlineData("\\u004eNaN\\u005c.jpg", "NNaN\\.jpg")]
    [InlineData("\\\\", "\\")]
    public void Names_may_hold_what_JSON_numbers_may_not(string written, string name)
    {
        // Byte by byte too: nothing may depend on where a read ends.
        var json = Encoding.UTF8.GetBytes($"[NaN,\"{written}\",-Infinity]");
        foreach (var chunk in new[] { 1, 3, json.Length })
        {
            var bytes = json.ToArray();
            var numbers = new NonFiniteNumbers();
            for (var i = 0; i < bytes.Length; i += chunk)
                numbers.Blank(bytes.AsSpan(i, Math.Min(chunk, bytes.Length - i)));
            Assert.Equal($"[0  ,\"{written}\",-0       ]", Encoding.UTF8.GetString(bytes));
            using var parsed = System.Text.Json.JsonDocument.Parse(bytes);
            Assert.Equal(name, parsed.RootElement[1].GetString());
        }
    }

    [Fact]
    public async Task The_root_of_another_bucket_is_no_folder_of_this_one()
    {
        var dataset = new SelectionCase().With("a.jpg", "elsewhere/a.jpg")
            .WithText("annotations.json", """{"images":[{"file_name":"a.jpg"}],"storage_info":{"image_root":"s3://other/elsewhere"}}""");
        Assert.Equal(["a.jpg", "annotations.json"], await dataset.PathsAsync());
    }

    [Theory]
    [InlineData("", "line 1, byte 1")]
    [InlineData("{\"images\":[{\"file_name\":\"a.jpg\"},\n  oops]}", "line 2, byte 3")]
    [InlineData("{\"images\":[{\"file_name\":\"a.jpg\"}", "line 1, byte ")]
    [InlineData("{\"images\":[{\"file_name\":\"a.jpg\"}]} trailing", "line 1, byte ")]
    [InlineData("{\"images\":[{\"file_name\":\"a.jpg\"},{\"id\":2}]}", "images[1]")]
    [InlineData("{\"images\":[{\"file_name\":\"a.jpg\"},{\"file_name\":7}]}", "images[1]")]
    [InlineData("{\"images\":[{\"file_name\":\"\"}]}", "images[0]")]
    [InlineData("{\"images\":[\"a.jpg\"]}", "images[0]")]
    [InlineData("{\"images\":[[{\"file_name\":\"a.jpg\"}]]}", "images[0]")]
    [InlineData("{\"images\":[{\"file_name\":\"\\ud800.jpg\"}]}", "images[0]")]
    [InlineData("{\"images\":[],\"storage_info\":{\"image_root\":7}}", "image_root")]
    [InlineData("{\"images\":[{\"area\":Nope}]}", "line 1, byte ")]
    public async Task A_broken_file_is_an_integrity_error_that_says_where(string json, string where)
    {
        foreach (var most in new[] { 1, int.MaxValue })
        {
            var dataset = new SelectionCase { MostPerRead = most }.With("a.jpg").WithText("annotations.json", json);
            var error = await Assert.ThrowsAsync<IntegrityException>(() => dataset.SelectAsync());
            Assert.Contains("\"annotations.json\"", error.Message);
            Assert.Contains(where, error.Message);
            Assert.DoesNotContain("LineNumber", error.Message);
            Assert.Contains("--select all", error.Advice);
        }
    }

    [Fact]
    public async Task Bytes_that_are_not_UTF_8_in_a_name_are_an_integrity_error()
    {
        var dataset = new SelectionCase().With("a.jpg").WithBytes("annotations.json", [.. "{\"images\":[{\"file_name\":\""u8, 0xC3, 0x28, .. "\"}]}"u8]);
        Assert.Contains("images[0]", (await Assert.ThrowsAsync<IntegrityException>(() => dataset.SelectAsync())).Message);
    }

    [Fact]
    public async Task A_file_much_larger_than_the_memory_it_may_take_is_read()
    {
        const int Images = 1000;
        // 200 MB of segmentations, with a value of 3 MB that no buffer of the first size holds, made as it is read.
        var stream = new GeneratedStream(Parts());
        // Every read of it completes at once, so that all runs on this thread.
        var before = GC.GetAllocatedBytesForCurrentThread();
        var annotations = await CocoAnnotations.ReadAsync("annotations.json", stream, TestContext.Current.CancellationToken);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(Images, annotations!.FileNames.Count);
        Assert.Equal("late", annotations.ImageRoot);
        Assert.True(stream.Given > 200_000_000, $"{stream.Given}");
        Assert.True(allocated < 64_000_000, $"{allocated} bytes allocated");

        static IEnumerable<byte[]> Parts()
        {
            var polygons = Encoding.UTF8.GetBytes("""{"segmentation":[[""" + string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"{i}.25")) + "]],\"area\":NaN},");
            yield return "{\"annotations\":["u8.ToArray();
            for (var i = 0L; i < 200_000_000; i += polygons.Length)
                yield return polygons;
            yield return Encoding.UTF8.GetBytes("{\"data\":\"" + new string('x', 3_000_000) + "\"}],\"images\":[{\"id\":0,\"file_name\":\"0.jpg\"}");
            for (var i = 1; i < Images; i++)
                yield return Encoding.UTF8.GetBytes($",{{\"file_name\":\"{i}.jpg\",\"id\":{i}}}");
            yield return "],\"storage_info\":{\"image_root\":\"late\"}}"u8.ToArray();
        }
    }

    private sealed class GeneratedStream(IEnumerable<byte[]> parts) : Stream
    {
        private readonly IEnumerator<byte[]> parts = parts.GetEnumerator();
        private ReadOnlyMemory<byte> rest;

        public long Given { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            while (rest.IsEmpty)
            {
                if (!parts.MoveNext())
                    return ValueTask.FromResult(0);
                rest = parts.Current;
            }
            var count = Math.Min(rest.Length, buffer.Length);
            rest[..count].CopyTo(buffer);
            rest = rest[count..];
            Given += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
