using System.Globalization;
using System.Net.Http.Headers;

namespace DatasetCache.Cli.Tests.Nodes.Metrics;

/// <summary>What a node's /metrics said.</summary>
internal sealed class Scrape
{
    private readonly List<string> families = [];
    private readonly Dictionary<string, double> samples = new(StringComparer.Ordinal);

    private Scrape(string text, MediaTypeHeaderValue? type)
    {
        Text = text;
        Type = type;
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("# TYPE ", StringComparison.Ordinal))
                families.Add(line.Split(' ')[2]);
            else if (line[0] != '#')
                samples[line[..line.LastIndexOf(' ')]] = double.Parse(line[line.LastIndexOf(' ')..], CultureInfo.InvariantCulture);
        }
    }

    public string Text { get; }

    public MediaTypeHeaderValue? Type { get; }

    /// <summary>Names as # TYPE has them.</summary>
    public IReadOnlyList<string> Families => families;

    public IEnumerable<string> Series => samples.Keys;

    public double this[string series] => samples.TryGetValue(series, out var value) ? value : throw new KeyNotFoundException($"{series} is not in:\n{Text}");

    public static async Task<Scrape> OfAsync(HttpClient client, string? accept = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (accept is not null)
            request.Headers.Accept.ParseAdd(accept);
        using var response = await client.SendAsync(request);
        response.EnsureSuccessStatusCode();
        return new Scrape(await response.Content.ReadAsStringAsync(), response.Content.Headers.ContentType);
    }
}
