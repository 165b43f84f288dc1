using System.Collections.Concurrent;
using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Soak;

/// <summary>Datasets that any node can get, whose every byte is known, behind a proxy that counts and strikes.</summary>
internal sealed class SoakOrigin : IAsyncDisposable
{
    private static readonly (string Name, int Size)[] Files = [("large.bin", 5_000_000), .. Enumerable.Range(0, 30).Select(i => (string.Create(CultureInfo.InvariantCulture, $"images/{i:d2}.png"), 100_000 + i))];
    private static readonly ConcurrentDictionary<string, byte[]> Contents = new(StringComparer.Ordinal);

    private readonly RangeServer server;

    private SoakOrigin(RangeServer server, FaultProxy proxy) => (this.server, Proxy) = (server, proxy);

    public FaultProxy Proxy { get; }

    public static long BytesOfOne { get; } = Files.Sum(file => (long)file.Size);

    public static async Task<SoakOrigin> StartAsync(int datasets)
    {
        var server = await RangeServer.StartAsync(Enumerable.Range(0, datasets).SelectMany(dataset => Files.Select(file => (Key(dataset, file.Name), (long)file.Size))));
        return new SoakOrigin(server, await FaultProxy.StartAsync(server.Endpoint));
    }

    public static string Name(int dataset) => string.Create(CultureInfo.InvariantCulture, $"d{dataset:d2}");

    /// <summary>Bytes of a dataset that this node has asked the origin for.</summary>
    public long ReadBy(string node, int dataset) => Proxy.Served.All.Where(range => range.Reader == node && range.Key.StartsWith(Key(dataset, ""), StringComparison.Ordinal)).Sum(range => range.To - range.From);

    /// <summary>I1: the files of a folder that are not what the origin has, or are not there.</summary>
    public static IEnumerable<string> Wrong(string folder, int dataset)
    {
        foreach (var (name, size) in Files)
        {
            var path = Path.Join(folder, name);
            byte[]? bytes = null;
            try
            {
                bytes = File.ReadAllBytes(path);
            }
            catch (IOException)
            {
                // Not there: wrong.
            }
            if (bytes is null || !bytes.AsSpan().SequenceEqual(Content(dataset, name, size)))
                yield return path + (bytes is null ? " is gone" : bytes.Length == size ? " has other bytes" : $" has {bytes.Length} bytes of {size}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await server.DisposeAsync();
    }

    private static string Key(int dataset, string file) => $"datasets/{Name(dataset)}/{file}";

    private static byte[] Content(int dataset, string name, int size) => Contents.GetOrAdd(Key(dataset, name), key =>
    {
        var bytes = new byte[size];
        RangeServer.Fill(key, 0, bytes);
        return bytes;
    });
}
