using System.Buffers;
using System.Runtime.InteropServices;

namespace DatasetCache.Memory;

/// <summary>
/// Bytes outside of the managed heap, so that what is let go of is free that moment and no collection has to come first: the tier's bound is one of memory, not of intentions.
/// </summary>
internal sealed unsafe partial class MemoryBlock : MemoryManager<byte>
{
    // What the allocator keeps before each block.
    private const int Header = 16;
    private readonly int length;
    private byte* pointer;

    public MemoryBlock(int length)
    {
        this.length = length;
        pointer = (byte*)NativeMemory.Alloc((nuint)Math.Max(1, length));
        Allocated = (long)UsableSize(pointer) + Header;
    }

    /// <summary>What it takes really: the allocator rounds up.</summary>
    public long Allocated { get; }

    public override Span<byte> GetSpan() => pointer is null ? throw new ObjectDisposedException(nameof(MemoryBlock)) : new Span<byte>(pointer, length);

    public override MemoryHandle Pin(int elementIndex = 0) => pointer is null ? throw new ObjectDisposedException(nameof(MemoryBlock)) : new MemoryHandle(pointer + elementIndex, pinnable: this);

    public override void Unpin()
    {
        // It never moves.
    }

    protected override void Dispose(bool disposing)
    {
        NativeMemory.Free(pointer);
        pointer = null;
    }

    [LibraryImport("libc", EntryPoint = "malloc_usable_size")]
    private static partial nuint UsableSize(void* block);
}
