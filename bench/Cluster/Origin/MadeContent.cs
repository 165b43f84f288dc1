namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>The bytes of made datasets: each object begins somewhere else in the same random ones.</summary>
internal sealed class MadeContent
{
    private const int Chunk = 64 * 1024;

    // No multiple of a piece, so that no two pieces are alike.
    private readonly byte[] content = new byte[8_388_593];

    public MadeContent() => new Random(4711).NextBytes(content);

    /// <summary>Some bytes of an object from a position on, at most <paramref name="most"/>; never none.</summary>
    public ReadOnlyMemory<byte> At(string key, long position, long most)
    {
        var at = (int)((Shift(key) + position) % content.Length);
        return content.AsMemory(at, (int)Math.Min(Math.Min(Chunk, content.Length - at), most));
    }

    public async Task WriteAsync(string key, long size, string path)
    {
        await using var file = File.Create(path);
        for (var written = 0L; written < size;)
        {
            var next = At(key, written, size - written);
            await file.WriteAsync(next);
            written += next.Length;
        }
    }

    // FNV-1a: the same in every process, which string's own hash is not.
    public static uint Shift(string key)
    {
        var hash = 2166136261u;
        foreach (var c in key)
            hash = (hash ^ c) * 16777619u;
        return hash;
    }
}
