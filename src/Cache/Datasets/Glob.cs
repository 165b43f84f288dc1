using System.Runtime.InteropServices;
using System.Text;

namespace DatasetCache.Datasets;

/// <summary>
/// A pattern over paths below a dataset: <c>*</c> and <c>?</c> within a part, <c>**</c> across parts (<c>**/</c> also stands for no directory at all),
/// <c>[a-z]</c>, <c>[!a-z]</c>, <c>{a,b}</c>, and a backslash before what is meant literally. A pattern without '/' is matched against the file's name
/// at any depth; a leading '/' or any other '/' ties it to the dataset's root; one that ends in '/' means everything below such a directory. Upper and
/// lower case differ. Matching takes time proportional to pattern times path, whatever they are.
/// </summary>
public sealed class Glob
{
    private readonly GlobInstruction[] program;
    private readonly bool nameOnly;

    private Glob(string pattern, GlobInstruction[] program, bool nameOnly)
    {
        Pattern = pattern;
        this.program = program;
        this.nameOnly = nameOnly;
    }

    public string Pattern { get; }

    /// <exception cref="InvalidRequestException">The pattern is broken or could never match; the message says where, counting from 1.</exception>
    public static Glob Parse(string pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        var parser = new GlobParser(pattern);
        return new Glob(pattern, parser.Parse(), parser.NameOnly);
    }

    public bool IsMatch(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        var text = path.AsSpan();
        if (nameOnly)
            text = text[(text.LastIndexOf('/') + 1)..];

        // The pattern's states, all at once: a set of instructions that only grows within one character (Thompson, 1968).
        var count = program.Length;
        var scratch = count <= 256 ? stackalloc int[count * 4] : new int[count * 4];
        var current = new StateSet(scratch[..count], scratch[count..(count * 2)]);
        var next = new StateSet(scratch[(count * 2)..(count * 3)], scratch[(count * 3)..]);
        Follow(ref current, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            next.Clear();
            for (var i = 0; i < current.Count; i++)
            {
                var state = current[i];
                if (program[state].Accepts(rune))
                    Follow(ref next, state + 1);
            }
            var done = current;
            current = next;
            next = done;
            if (current.Count == 0)
                return false;
        }
        return current.Contains(count - 1);
    }

    // Adds a state and all that it leads to without reading a character. Depth is bounded by the pattern's length, which the parser bounds.
    private void Follow(ref StateSet set, int state)
    {
        while (set.Add(state))
        {
            ref readonly var instruction = ref program[state];
            if (instruction.Kind == GlobOp.Fork)
                Follow(ref set, instruction.Second);
            else if (instruction.Kind != GlobOp.Jump)
                return;
            state = instruction.First;
        }
    }

    public override string ToString() => Pattern;

    /// <summary>A sparse set: clearing it costs nothing.</summary>
    private ref struct StateSet(Span<int> members, Span<int> places)
    {
        private readonly Span<int> members = members;
        private readonly Span<int> places = places;

        public int Count { get; private set; }

        public readonly int this[int index] => members[index];

        public readonly bool Contains(int state) => (uint)places[state] < (uint)Count && members[places[state]] == state;

        public bool Add(int state)
        {
            if (Contains(state))
                return false;
            places[state] = Count;
            members[Count++] = state;
            return true;
        }

        public void Clear() => Count = 0;
    }
}

internal enum GlobOp
{
    Literal,
    /// <summary>Any character but '/'.</summary>
    InPart,
    Any,
    Class,
    Fork,
    Jump,
    Match,
}

/// <summary>One state: reads one character and goes to the next instruction, or leads elsewhere without reading.</summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct GlobInstruction(GlobOp Kind, int First = 0, int Second = 0, GlobClass? Class = null)
{
    public bool Accepts(Rune rune) => Kind switch
    {
        GlobOp.Literal => rune.Value == First,
        GlobOp.InPart => rune.Value != '/',
        GlobOp.Any => true,
        GlobOp.Class => rune.Value != '/' && Class!.Contains(rune.Value),
        _ => false,
    };
}

internal sealed class GlobClass(bool negated, IReadOnlyList<(int From, int To)> ranges)
{
    public bool Contains(int value)
    {
        foreach (var (from, to) in ranges)
        {
            if (value >= from && value <= to)
                return !negated;
        }
        return negated;
    }
}
