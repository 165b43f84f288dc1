using System.Text;

namespace DatasetCache.Datasets;

/// <summary>Compiles a pattern to the states that <see cref="Glob"/> runs.</summary>
internal sealed class GlobParser(string pattern)
{
    // Bounds the matcher's recursion and its work; a path is at most 4,000 bytes.
    private const int LongestPattern = 1000;
    private const int Separator = '/';

    private readonly List<GlobInstruction> program = [];
    private readonly Stack<Alternatives> open = new();
    private int position;

    public bool NameOnly { get; private set; }

    public GlobInstruction[] Parse()
    {
        if (pattern.Length == 0)
            throw Broken(0, "it is empty");
        if (pattern.Length > LongestPattern)
            throw Broken(LongestPattern, $"it is longer than {LongestPattern} characters");
        if (PrintableText.IndexOfLoneSurrogate(pattern) is >= 0 and var lone)
            throw Broken(lone, "it is not valid Unicode");
        RefuseDeadParts();

        var everythingBelow = EndsInSeparator();
        var body = everythingBelow ? pattern.Length - 1 : pattern.Length;
        var slash = IndexOfSeparator(body);
        NameOnly = slash < 0 && !everythingBelow;
        if (slash < 0 && everythingBelow)
            ManyParts(); // `labels/`: such a directory at any depth
        position = slash == 0 ? 1 : 0;
        while (position < body)
            Next(body);
        if (open.TryPeek(out var unclosed))
            throw Broken(unclosed.Position, "'{' is never closed");
        if (everythingBelow)
        {
            Emit(GlobOp.Literal, Separator);
            EverythingFrom();
        }
        Emit(GlobOp.Match);
        return [.. program];
    }

    private void Next(int end)
    {
        var start = position;
        Rune.DecodeFromUtf16(pattern.AsSpan(position), out var rune, out var length);
        position += length;
        switch (rune.Value)
        {
            case '*':
                Star(start, end);
                break;
            case '?':
                Emit(GlobOp.InPart);
                break;
            case '[':
                Class(start, end);
                break;
            case '{':
                open.Push(new Alternatives(start, program.Count));
                Emit(GlobOp.Fork, program.Count + 1);
                break;
            case ',' when open.TryPeek(out var alternatives):
                EndAlternative(alternatives);
                alternatives.Fork = program.Count;
                Emit(GlobOp.Fork, program.Count + 1);
                break;
            case '}':
                if (!open.TryPop(out var closed))
                    throw Broken(start, "'}' closes nothing (write \\} for the character)");
                EndAlternative(closed);
                // The last fork has nowhere else to go.
                program[closed.Fork] = new(GlobOp.Jump, closed.Fork + 1);
                foreach (var exit in closed.Exits)
                    program[exit] = new(GlobOp.Jump, program.Count);
                break;
            case '\\':
                if (position >= end)
                    throw Broken(start, "nothing follows '\\'");
                Rune.DecodeFromUtf16(pattern.AsSpan(position), out rune, out length);
                position += length;
                Emit(GlobOp.Literal, rune.Value);
                break;
            case '/' when open.TryPeek(out var atRoot) && atRoot.Position == 0 && pattern[start - 1] is '{' or ',':
                throw Broken(start, "an alternative cannot begin with '/' (write it before the '{')");
            default:
                Emit(GlobOp.Literal, rune.Value);
                break;
        }
    }

    private void EndAlternative(Alternatives alternatives)
    {
        alternatives.Exits.Add(program.Count);
        Emit(GlobOp.Jump);
        program[alternatives.Fork] = program[alternatives.Fork] with { Second = program.Count };
    }

    private void Star(int start, int end)
    {
        while (position < end && pattern[position] == '*')
            position++;
        if (position - start == 1)
        {
            Repeat(GlobOp.InPart);
            return;
        }
        var startsPart = start == 0 || pattern[start - 1] == '/' || (open.Count > 0 && pattern[start - 1] is '{' or ',');
        if (startsPart && position < end && pattern[position] == '/')
        {
            position++;
            ManyParts();
        }
        else if (startsPart && start > 0 && pattern[start - 1] == '/' && position == end)
        {
            EverythingFrom(); // `a/**`: below a, at least a name
        }
        else
        {
            Repeat(GlobOp.Any);
        }
    }

    /// <summary>Any number of whole directories, none included: (.*/)?</summary>
    private void ManyParts()
    {
        var fork = program.Count;
        Emit(GlobOp.Fork, fork + 1);
        Repeat(GlobOp.Any);
        Emit(GlobOp.Literal, Separator);
        program[fork] = program[fork] with { Second = program.Count };
    }

    private void EverythingFrom()
    {
        Emit(GlobOp.Any);
        Repeat(GlobOp.Any);
    }

    private void Repeat(GlobOp kind)
    {
        var fork = program.Count;
        Emit(GlobOp.Fork, fork + 1, fork + 3);
        Emit(kind);
        Emit(GlobOp.Jump, fork);
    }

    private void Class(int start, int end)
    {
        var negated = position < end && pattern[position] is '!' or '^';
        if (negated)
            position++;
        var ranges = new List<(int, int)>();
        for (var first = true; ; first = false)
        {
            if (position >= end)
                throw Broken(start, "'[' is never closed");
            if (pattern[position] == ']' && !first)
                break;
            var at = position;
            var from = ClassCharacter(start, end);
            var to = from;
            if (position + 1 < end && pattern[position] == '-' && pattern[position + 1] != ']')
            {
                position++;
                to = ClassCharacter(start, end);
            }
            if (to < from)
                throw Broken(at, "the range runs backwards");
            ranges.Add((from, to));
        }
        position++;
        program.Add(new GlobInstruction(GlobOp.Class, Class: new GlobClass(negated, ranges)));
    }

    private int ClassCharacter(int start, int end)
    {
        if (pattern[position] == '\\')
            position++;
        if (position >= end)
            throw Broken(start, "'[' is never closed");
        if (pattern[position] == '/')
            throw Broken(position, "'/' cannot stand between '[' and ']'");
        Rune.DecodeFromUtf16(pattern.AsSpan(position), out var rune, out var length);
        position += length;
        return rune.Value;
    }

    private bool EndsInSeparator() => pattern.EndsWith('/') && pattern.Length > 1;

    private int IndexOfSeparator(int end) => pattern.IndexOf('/', 0, end);

    // What could never match is a mistake worth telling, not a selection of nothing. It also keeps line ends out of a selection's canonical text.
    private void RefuseDeadParts()
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            if (char.IsControl(pattern[i]))
                throw Broken(i, "a control character, which no path holds");
        }
        if (string.Equals(pattern, "/", StringComparison.Ordinal))
            throw Broken(0, "it names nothing below '/'");
        var start = 0;
        foreach (var part in pattern.Split('/'))
        {
            var edge = start == 0 || start + part.Length == pattern.Length;
            if (part is "." or ".." || (part.Length == 0 && !edge))
                throw Broken(start, part.Length == 0 ? "an empty part, which no path holds" : $"a part \"{part}\", which no path holds");
            start += part.Length + 1;
        }
    }

    private void Emit(GlobOp kind, int first = 0, int second = 0) => program.Add(new GlobInstruction(kind, first, second));

    private InvalidRequestException Broken(int at, string why) => new(
        $"The glob {PrintableText.Quote(pattern)} is refused at character {at + 1}: {why}.");

    private sealed class Alternatives(int position, int fork)
    {
        public int Position { get; } = position;

        /// <summary>The instruction that chooses between this alternative and the next.</summary>
        public int Fork { get; set; } = fork;

        public List<int> Exits { get; } = [];
    }
}
