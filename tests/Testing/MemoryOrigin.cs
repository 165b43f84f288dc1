using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text;
using DatasetCache.Origins;

namespace DatasetCache.Testing;

/// <summary>
/// An origin in memory that counts every byte it gives, and to which a test can say what shall go wrong. It keeps the contract of
/// <see cref="IOrigin"/>: another ETag than the listed one is <see cref="OriginFailure.Changed"/>.
/// </summary>
public sealed class MemoryOrigin(string identity = "memory:test") : IOrigin, IOriginFactory
{
    private readonly ConcurrentDictionary<string, byte[]> objects = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<(string Key, long Offset, int Length)> served = new();
    private int listings;
    private int reads;

    public string Identity => identity;

    public int Listings => listings;

    public int Reads => reads;

    public long BytesServed => served.Sum(part => (long)part.Length);

    public IReadOnlyList<(string Key, long Offset, int Length)> Served => [.. served];

    /// <summary>Called before each read with the key and the number of the read (from 1); may throw or wait.</summary>
    public Func<string, int, CancellationToken, ValueTask>? BeforeRead { get; set; }

    /// <summary>Called with the key, the position of the next byte and how many would be given; says how many are (0 ends the body).</summary>
    public Func<string, long, int, int>? Trim { get; set; }

    /// <summary>Awaited before any bytes of a body are given, and at its end: with the key, their position, and how many this body still has.</summary>
    public Func<string, long, long, CancellationToken, ValueTask>? BeforeBytes { get; set; }

    /// <summary>Whether an ETag is the MD5 of its object, as that of an object that S3 took in one piece is.</summary>
    public bool HasPlainMd5 { get; set; }

    /// <summary>May change bytes on their way: called with the key, their position, and them.</summary>
    public Action<string, long, Memory<byte>>? Bend { get; set; }

    /// <summary>Called before a listing.</summary>
    public Func<int, CancellationToken, ValueTask>? BeforeList { get; set; }

    /// <summary>Gives an object's ETag; without it, one that looks like an MD5 and is none, as of encrypted objects.</summary>
    public Func<string, byte[], string>? ETagOf { get; set; }

    public void Put(string key, byte[] content) => objects[key] = content;

    public void Put(string key, string content) => Put(key, Encoding.UTF8.GetBytes(content));

    public void Delete(string key) => objects.TryRemove(key, out _);

    public byte[] Content(string key) => objects[key];

    public IReadOnlyCollection<string> Keys => [.. objects.Keys];

    public static byte[] Bytes(int seed, int length)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    public void ForgetServed() => served.Clear();

    /// <summary>No byte of any object was given twice.</summary>
    public bool ServedEachByteOnce() => Repeated == 0;

    /// <summary>How many bytes were given more than once, over all objects.</summary>
    public long Repeated => served.GroupBy(part => part.Key, StringComparer.Ordinal).Sum(parts =>
    {
        var (end, repeated) = (0L, 0L);
        foreach (var (_, offset, length) in parts.OrderBy(part => part.Offset))
        {
            repeated += Math.Max(0, Math.Min(end, offset + length) - offset);
            end = Math.Max(end, offset + length);
        }
        return repeated;
    });

    public (IOrigin Origin, string Prefix) Open(string? origin) => (this, origin is null or "memory" ? "" : origin.TrimEnd('/') + "/");

    public async IAsyncEnumerable<OriginObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref listings);
        if (BeforeList is not null)
            await BeforeList(number, cancellationToken);
        foreach (var (key, content) in objects)
        {
            if (key.StartsWith(prefix, StringComparison.Ordinal))
                yield return new OriginObject(key, content.Length, ETag(key, content));
        }
    }

    public async ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken)
    {
        var number = Interlocked.Increment(ref reads);
        if (BeforeRead is not null)
            await BeforeRead(target.Key, number, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        if (!objects.TryGetValue(target.Key, out var content))
            throw new OriginException(OriginFailure.NotFound, $"{target.Key} is not there.", target.Key, 404);
        if (ETag(target.Key, content) != target.ETag)
            throw new OriginException(OriginFailure.Changed, $"{target.Key} has another ETag than was listed.", target.Key, 412);
        return new Body(this, target.Key, content, offset, offset + length);
    }

    private string ETag(string key, byte[] content)
        => ETagOf?.Invoke(key, content) ?? Convert.ToHexStringLower(HasPlainMd5 ? MD5.HashData(content) : SHA256.HashData(content))[..32];

    public void Dispose()
    {
    }

    private sealed class Body(MemoryOrigin origin, string key, byte[] content, long from, long end) : OriginBody
    {
        private long position = from;

        public override int? HttpStatus => 206;

        public override string? RequestId => "request-1";

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            if (origin.BeforeBytes is { } before)
                await before(key, position, end - position, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(Math.Min(buffer.Length, 64 * 1024), end - position);
            if (count > 0 && origin.Trim is { } trim)
                count = trim(key, position, count);
            content.AsSpan((int)position, count).CopyTo(buffer.Span);
            if (count > 0)
                origin.Bend?.Invoke(key, position, buffer[..count]);
            origin.served.Enqueue((key, position, count));
            position += count;
            return count;
        }

        public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
