using System.Text;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using Xunit;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>golden/version_hash.py is the reference; it made golden/expected.json from golden/trees.json.</summary>
public sealed class DatasetVersionHashTests : IDisposable
{
    private readonly DirectoryInfo root = Directory.CreateTempSubdirectory("dscache-golden-");

    public static TheoryData<string> Trees => [.. Golden("expected.json").RootElement.EnumerateObject().Select(tree => tree.Name)];

    public void Dispose() => root.Delete(recursive: true);

    [Fact]
    public void Every_described_tree_has_an_expected_value() =>
        Assert.Equal(
            Golden("trees.json").RootElement.GetProperty("trees").EnumerateArray().Select(tree => tree.GetProperty("name").GetString()),
            Golden("expected.json").RootElement.EnumerateObject().Select(tree => tree.Name));

    [Theory]
    [MemberData(nameof(Trees))]
    public async Task The_hash_and_the_order_agree_with_Python(string name)
    {
        Build(Golden("trees.json").RootElement.GetProperty("trees").EnumerateArray().Single(tree => string.Equals(tree.GetProperty("name").GetString(), name, StringComparison.Ordinal)));
        var expected = Golden("expected.json").RootElement.GetProperty(name);
        var paths = Directory.EnumerateFiles(root.FullName, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.None })
            .Select(file => Path.GetRelativePath(root.FullName, file)).OrderByDescending(path => path, StringComparer.Ordinal).ToList();
        var opened = new List<string>();

        var hash = await DatasetVersionHash.ComputeAsync(paths, path =>
        {
            opened.Add(path);
            return ValueTask.FromResult<Stream>(File.OpenRead(Path.Combine(root.FullName, path)));
        });

        Assert.Equal(expected.GetProperty("order").EnumerateArray().Select(path => path.GetString()!), opened);
        Assert.Equal(expected.GetProperty("hash").GetString(), hash);
        Assert.Equal(opened, new Manifest(paths.Select(path => new ManifestFile(path, 0, ""))).Files.Select(file => file.Path).Where(DatasetVersionHash.IsMetadata));
    }

    [Theory]
    [InlineData("a.txt", true)]
    [InlineData("d/a.b.yml", true)]
    [InlineData("..txt", true)]
    [InlineData(".a.json", true)]
    [InlineData("a.TXT", false)]
    [InlineData(".txt", false)]
    [InlineData("d.txt/.txt", false)]
    [InlineData("a.txt.", false)]
    [InlineData("d.txt/a", false)]
    [InlineData("a.jsonl", false)]
    [InlineData("txt", false)]
    [InlineData("", false)]
    public void Metadata_is_what_Pythons_suffix_says(string path, bool expected) => Assert.Equal(expected, DatasetVersionHash.IsMetadata(path));

    [Fact]
    public async Task A_file_longer_than_the_buffer_that_comes_in_small_reads_is_hashed_whole()
    {
        var bytes = new byte[700_001];
        new Random(7).NextBytes(bytes);
        var hash = await DatasetVersionHash.ComputeAsync(["b.txt", "a.txt"], path => ValueTask.FromResult<Stream>(
            path[0] == 'a' ? new DrippingStream(bytes, 977) : new MemoryStream("end"u8.ToArray())));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData([.. bytes, .. "end"u8])), hash);
    }

    [Fact]
    public async Task Every_opened_file_is_closed_even_when_one_fails()
    {
        var streams = new List<ClosingStream>();
        await Assert.ThrowsAsync<IOException>(() => DatasetVersionHash.ComputeAsync(["a.txt", "b.txt", "c.txt"], path =>
        {
            Assert.All(streams, stream => Assert.True(stream.IsClosed)); // one at a time
            if (path[0] == 'c')
                throw new IOException("gone");
            var stream = new ClosingStream();
            streams.Add(stream);
            return ValueTask.FromResult<Stream>(stream);
        }));
        Assert.Equal(2, streams.Count);
        Assert.All(streams, stream => Assert.True(stream.IsClosed));
    }

    private static JsonDocument Golden(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Integrity", "golden", name)));

    private void Build(JsonElement tree)
    {
        foreach (var file in tree.GetProperty("files").EnumerateArray())
        {
            var path = file.GetProperty("path").GetString()!;
            var target = Path.Combine(root.FullName, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.WriteAllBytes(target, file.TryGetProperty("hex", out var hex)
                ? Convert.FromHexString(hex.GetString()!)
                : Encoding.UTF8.GetBytes($"{tree.GetProperty("name").GetString()}|{path}\n"));
        }
    }

    private sealed class ClosingStream() : MemoryStream("x"u8.ToArray())
    {
        public bool IsClosed { get; private set; }

        protected override void Dispose(bool disposing)
        {
            IsClosed = true;
            base.Dispose(disposing);
        }
    }
}

/// <summary>Gives at most a few bytes per read, as a network does.</summary>
internal sealed class DrippingStream(byte[] bytes, int most) : MemoryStream(bytes)
{
    public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));

    public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, most)]);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        base.ReadAsync(buffer[..Math.Min(buffer.Length, most)], cancellationToken);
}
