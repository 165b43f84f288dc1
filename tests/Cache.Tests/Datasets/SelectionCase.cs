using System.Text;
using DatasetCache.Cache.Tests.Integrity;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

/// <summary>A listing with the contents of its metadata files; opens only what it said must be there first.</summary>
internal sealed class SelectionCase
{
    private readonly Dictionary<string, byte[]> contents = new(StringComparer.Ordinal);

    public string Prefix { get; init; } = "datasets/ds_1/";

    public List<string> Opened { get; } = [];

    /// <summary>Bytes that a read gives at most.</summary>
    public int MostPerRead { get; init; } = int.MaxValue;

    public SelectionCase With(params IEnumerable<string> paths)
    {
        foreach (var path in paths)
            contents[path] = [];
        return this;
    }

    public SelectionCase WithText(string path, string content)
    {
        contents[path] = Encoding.UTF8.GetBytes(content);
        return this;
    }

    public SelectionCase WithBytes(string path, byte[] content)
    {
        contents[path] = content;
        return this;
    }

    public Manifest Listing => new(contents.Select(file => new ManifestFile(file.Key, file.Value.Length, "etag")));

    public async Task<SelectedFiles> SelectAsync(Selection? selection = null)
    {
        selection ??= Selection.Auto;
        var needed = DatasetSelector.NeededFirst(Listing, selection).Select(file => file.Path).ToHashSet(StringComparer.Ordinal);
        Assert.All(needed, path => Assert.True(DatasetVersionHash.IsMetadata(path)));
        return await DatasetSelector.SelectAsync(Listing, Prefix, selection, path =>
        {
            Assert.Contains(path, needed);
            Opened.Add(path);
            return ValueTask.FromResult<Stream>(new DrippingStream(contents[path], MostPerRead));
        });
    }

    public async Task<string[]> PathsAsync(Selection? selection = null) => [.. (await SelectAsync(selection)).Manifest.Files.Select(file => file.Path)];
}
