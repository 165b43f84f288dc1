using System.Text;

namespace DatasetCache.Cli.Output;

/// <summary>Columns aligned by spaces: readable on a terminal, easy for awk. Numbers are right-aligned by naming their columns.</summary>
internal sealed class TextTable(params string[] headers)
{
    private readonly List<string[]> rows = [headers];

    /// <summary>Columns that hold numbers.</summary>
    public IReadOnlyCollection<int> RightAligned { get; init; } = [];

    public void Add(params string[] cells) => rows.Add(cells);

    public void Write(TextWriter writer)
    {
        var widths = new int[headers.Length];
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
                widths[i] = Math.Max(widths[i], row[i].Length);
        }
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            var start = text.Length;
            for (var i = 0; i < row.Length; i++)
            {
                if (i > 0)
                    text.Append("  ");
                text.Append(RightAligned.Contains(i) ? row[i].PadLeft(widths[i]) : row[i].PadRight(widths[i]));
            }
            while (text.Length > start && text[^1] == ' ')
                text.Length--;
            text.Append('\n');
        }
        writer.Write(text);
    }
}
