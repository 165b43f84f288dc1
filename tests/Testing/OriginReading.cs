using DatasetCache.Origins;

namespace DatasetCache.Testing;

/// <summary>What tests do with origins all the time.</summary>
public static class OriginReading
{
    public static async Task<List<OriginObject>> ListAllAsync(this IOrigin origin, string prefix = "")
    {
        var all = new List<OriginObject>();
        await foreach (var found in origin.ListAsync(prefix, CancellationToken.None))
            all.Add(found);
        return all;
    }

    public static Task<byte[]> ReadAllAsync(this IOrigin origin, OriginObject target) => origin.ReadAllAsync(target, 0, target.Size);

    public static async Task<byte[]> ReadAllAsync(this IOrigin origin, OriginObject target, long offset, long length)
    {
        await using var body = await origin.OpenReadAsync(target, offset, length, CancellationToken.None);
        using var bytes = new MemoryStream();
        var buffer = new byte[64 * 1024];
        for (int read; (read = await body.ReadAsync(buffer, CancellationToken.None)) > 0;)
            bytes.Write(buffer, 0, read);
        return bytes.ToArray();
    }
}
