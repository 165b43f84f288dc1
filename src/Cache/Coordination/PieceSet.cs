using System.Numerics;

namespace DatasetCache.Coordination;

/// <summary>A set of piece numbers below <see cref="Size"/>, a bit each. Not safe for several writers.</summary>
internal sealed class PieceSet
{
    private readonly ulong[] words;
    private readonly ulong[] some;
    private readonly ulong[] full;

    public PieceSet(int size)
        : this(size, new ulong[(size + 63) / 64])
    {
    }

    /// <param name="size">Numbers from 0 to below this can be in it.</param>
    /// <param name="words">Taken over, not copied. Bits at and past <paramref name="size"/> are cleared; missing words are no piece.</param>
    public PieceSet(int size, ulong[] words)
    {
        Size = size;
        var length = (size + 63) / 64;
        if (words.Length != length)
            Array.Resize(ref words, length);
        if (size % 64 != 0)
            words[^1] &= (1UL << (size % 64)) - 1;
        this.words = words;
        Count = words.Sum(BitOperations.PopCount);
        some = new ulong[(length + 63) / 64];
        full = new ulong[some.Length];
        for (var word = 0; word < length; word++)
            Summarize(word);
    }

    public int Size { get; }

    public int Count { get; private set; }

    public bool IsFull => Count == Size;

    public IReadOnlyList<ulong> Words => words;

    /// <summary>The same, for scans that go word by word.</summary>
    public ReadOnlySpan<ulong> Bits => words;

    /// <summary>A bit per word of <see cref="Bits"/>: there is a number in it. So that a scan of a million looks at a few hundred words.</summary>
    public ReadOnlySpan<ulong> Some => some;

    /// <summary>A bit per word of <see cref="Bits"/>: all 64 numbers are in it.</summary>
    public ReadOnlySpan<ulong> Whole => full;

    public static PieceSet Full(int size)
    {
        var words = new ulong[(size + 63) / 64];
        Array.Fill(words, ulong.MaxValue);
        return new PieceSet(size, words);
    }

    public bool Contains(int piece) => (uint)piece < (uint)Size && (words[piece >> 6] >> (piece & 63) & 1) != 0;

    /// <returns>False where it was in it already.</returns>
    public bool Add(int piece)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(piece);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(piece, Size);
        if (Contains(piece))
            return false;
        words[piece >> 6] |= 1UL << (piece & 63);
        Summarize(piece >> 6);
        Count++;
        return true;
    }

    public bool Remove(int piece)
    {
        if (!Contains(piece))
            return false;
        words[piece >> 6] &= ~(1UL << (piece & 63));
        Summarize(piece >> 6);
        Count--;
        return true;
    }

    /// <summary>The numbers in it, upwards. The one just given may be removed meanwhile.</summary>
    public IEnumerable<int> Members()
    {
        for (var word = 0; word < words.Length; word++)
            for (var bits = words[word]; bits != 0; bits &= bits - 1)
                yield return (word << 6) + BitOperations.TrailingZeroCount(bits);
    }

    /// <returns>True where all of <paramref name="other"/> is in it too.</returns>
    public bool Covers(PieceSet other)
    {
        for (var word = 0; word < other.words.Length; word++)
            if ((other.words[word] & ~words[word]) != 0)
                return false;
        return true;
    }

    public PieceSet Copy() => new(Size, [.. words]);

    private void Summarize(int word)
    {
        var bit = 1UL << (word & 63);
        if (words[word] == 0)
            some[word >> 6] &= ~bit;
        else
            some[word >> 6] |= bit;
        if (words[word] == ulong.MaxValue)
            full[word >> 6] |= bit;
        else
            full[word >> 6] &= ~bit;
    }
}
