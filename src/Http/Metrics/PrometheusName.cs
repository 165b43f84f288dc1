namespace DatasetCache.Http.Metrics;

/// <summary>Names by Prometheus' conventions. An instrument that has such a name already keeps it.</summary>
internal static class PrometheusName
{
    private const string Total = "_total";

    /// <param name="unit">UCUM, as OpenTelemetry writes it; what it has no word for is left away.</param>
    public static string Of(string instrument, string? unit, bool isCounter)
    {
        var name = OfLabel(instrument);
        if (name.EndsWith(Total, StringComparison.Ordinal))
            name = name[..^Total.Length];
        var suffix = unit switch { "s" => "_seconds", "By" => "_bytes", _ => "" };
        if (!name.EndsWith(suffix, StringComparison.Ordinal))
            name += suffix;
        return isCounter ? name + Total : name;
    }

    /// <summary>What is neither a letter nor a digit becomes an underscore.</summary>
    public static string OfLabel(string name) => string.Create(name.Length, name, static (to, from) =>
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = char.IsAsciiLetter(from[i]) || (i > 0 && char.IsAsciiDigit(from[i])) ? from[i] : '_';
    });
}
