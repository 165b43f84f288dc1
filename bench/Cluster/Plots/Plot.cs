using System.Globalization;
using System.Text;

namespace DatasetCache.Bench.Cluster.Plots;

/// <summary>A line of a panel.</summary>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>One pair of axes, both logarithmic.</summary>
internal sealed record Panel(string Title, string XUnit, string YUnit, IReadOnlyList<Series> Lines);

/// <summary>Panels side by side with one legend, as SVG: in light and dark, for a page that does not say which.</summary>
internal static class Plot
{
    private const int Width = 320, Height = 260, Left = 62, Right = 14, Top = 34, Bottom = 48, Legend = 30;
    private static readonly string[] Marks = ["circle", "square", "diamond", "triangle"];

    public static string Draw(string title, IReadOnlyList<Panel> panels)
    {
        var svg = new StringBuilder();
        Write(svg, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {panels.Count * Width} {Height + Legend}\" font-family=\"system-ui, sans-serif\" font-size=\"12\" role=\"img\" aria-label=\"{title}\">\n");
        // Colours that differ in lightness too, and marks that differ in shape: not by colour alone.
        Write(svg, $$"""
            <style>
              :root { --ink: #1f2328; --grid: #d0d7de; --c0: #0969da; --c1: #bc4c00; --c2: #1a7f37; --c3: #8250df; }
              @media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --grid: #3d444d; --c0: #58a6ff; --c1: #f0883e; --c2: #56d364; --c3: #bc8cff; } }
              text { fill: var(--ink); } .grid { stroke: var(--grid); stroke-width: 1; } .line { fill: none; stroke-width: 2; }
            </style>

            """);
        for (var i = 0; i < panels.Count; i++)
            Draw(svg, panels[i], i * Width);
        var names = panels[0].Lines;
        for (var i = 0; i < names.Count; i++)
        {
            var x = Left + (i * (panels.Count * Width - Left) / names.Count);
            Mark(svg, i, x, Height + 12);
            Write(svg, $"<text x=\"{x + 10}\" y=\"{Height + 16}\">{names[i].Name}</text>\n");
        }
        return svg.Append("</svg>\n").ToString();
    }

    private static void Draw(StringBuilder svg, Panel panel, int shift)
    {
        var points = panel.Lines.SelectMany(line => line.Points).Where(point => point.Y > 0).ToArray();
        var xs = points.Select(point => point.X).Distinct().Order().ToArray();
        var ys = Ticks(points.Min(point => point.Y), points.Max(point => point.Y));
        double X(double value) => shift + Left + ((Width - Left - Right) * Share(value, xs[0], xs[^1]));
        double Y(double value) => Height - Bottom - ((Height - Top - Bottom) * Share(value, ys[0], ys[^1]));

        Write(svg, $"<text x=\"{shift + Left}\" y=\"18\" font-weight=\"600\">{panel.Title}, {panel.YUnit}</text>\n");
        foreach (var y in ys)
        {
            Write(svg, $"<line class=\"grid\" x1=\"{shift + Left}\" x2=\"{shift + Width - Right}\" y1=\"{Y(y):0.0}\" y2=\"{Y(y):0.0}\"/>\n");
            Write(svg, $"<text x=\"{shift + Left - 6}\" y=\"{Y(y) + 4:0.0}\" text-anchor=\"end\">{Label(y)}</text>\n");
        }
        foreach (var x in xs)
            Write(svg, $"<text x=\"{X(x):0.0}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{Label(x)}</text>\n");
        Write(svg, $"<text x=\"{shift + ((Left + Width - Right) / 2)}\" y=\"{Height - 10}\" text-anchor=\"middle\">{panel.XUnit}</text>\n");
        for (var i = 0; i < panel.Lines.Count; i++)
        {
            var line = panel.Lines[i].Points.Where(point => point.Y > 0).OrderBy(point => point.X).ToArray();
            Write(svg, $"<polyline class=\"line\" stroke=\"var(--c{i % Marks.Length})\" points=\"{string.Join(' ', line.Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.X):0.0},{Y(point.Y):0.0}")))}\"/>\n");
            foreach (var point in line)
                Mark(svg, i, X(point.X), Y(point.Y));
        }
    }

    private static void Mark(StringBuilder svg, int series, double x, double y)
    {
        var fill = $"fill=\"var(--c{series % Marks.Length})\"";
        Write(svg, Marks[series % Marks.Length] switch
        {
            "circle" => $"<circle cx=\"{x:0.0}\" cy=\"{y:0.0}\" r=\"4\" {fill}/>\n",
            "square" => $"<rect x=\"{x - 4:0.0}\" y=\"{y - 4:0.0}\" width=\"8\" height=\"8\" {fill}/>\n",
            "diamond" => $"<path d=\"M{x:0.0} {y - 5:0.0}l5 5l-5 5l-5 -5z\" {fill}/>\n",
            _ => $"<path d=\"M{x:0.0} {y - 5:0.0}l5 9h-10z\" {fill}/>\n",
        });
    }

    private static double Share(double value, double least, double most) => most <= least ? 0.5 : Math.Log(value / least) / Math.Log(most / least);

    // 1, 2 and 5 of each power of ten, from the last below to the first above; only the ones where these are many.
    private static double[] Ticks(double least, double most)
    {
        var all = Enumerable.Range(-4, 12).SelectMany(power => new[] { 1, 2, 5 }.Select(digit => digit * Math.Pow(10, power))).ToArray();
        var (from, to) = (Array.FindLastIndex(all, tick => tick <= least * 1.001), Array.FindIndex(all, tick => tick >= most * 0.999));
        to = Math.Max(to, from + 1);
        var ticks = all[from..(to + 1)];
        return ticks.Length <= 8 ? ticks : [ticks[0], .. ticks[1..^1].Where(tick => Math.Abs(Math.Log10(tick) - Math.Round(Math.Log10(tick))) < 1e-6), ticks[^1]];
    }

    private static string Label(double value) => value >= 1000
        ? string.Create(CultureInfo.InvariantCulture, $"{value / 1000:0.###} k")
        : value.ToString("0.####", CultureInfo.InvariantCulture);

    private static void Write(StringBuilder svg, FormattableString text) => svg.Append(text.ToString(CultureInfo.InvariantCulture));
}
