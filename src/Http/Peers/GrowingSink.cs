using DatasetCache.Transfers.Peers;

namespace DatasetCache.Http.Peers;

/// <summary>Keeps what comes in memory, and takes no more of it than has come: what a node says will come is no reason to.</summary>
internal sealed class GrowingSink : IPieceSink
{
    private byte[] bytes = new byte[16 * 1024];
    private int length;

    public void Promise(IReadOnlyList<uint> checksums)
    {
        // What is read by digest needs none.
    }

    public Memory<byte> Next()
    {
        if (length == bytes.Length)
            Array.Resize(ref bytes, (int)Math.Min(Array.MaxLength, bytes.Length * 2L));
        return bytes.AsMemory(length);
    }

    public void Accept(int count) => length += count;

    public byte[] ToArray() => bytes[..length];
}
