using System.Globalization;

namespace DatasetCache.Configuration;

/// <summary>Reads sizes, durations and percentages as people write them. The unit is never guessed.</summary>
public static class Quantity
{
    private static readonly (string Unit, decimal Factor)[] SizeUnits =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("PiB", 1L << 50),
        ("KB", 1e3m), ("MB", 1e6m), ("GB", 1e9m), ("TB", 1e12m), ("PB", 1e15m), ("B", 1), ("", 1),
    ];

    private static readonly (string Unit, decimal Factor)[] DurationUnits =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("s", TimeSpan.TicksPerSecond), ("m", TimeSpan.TicksPerMinute),
        ("h", TimeSpan.TicksPerHour), ("d", TimeSpan.TicksPerDay),
    ];

    /// <summary>Bytes: <c>50GB</c> is 50·10⁹, <c>50GiB</c> is 50·2³⁰, a plain number is bytes. <c>50G</c> is refused: it means either.</summary>
    public static bool TryParseSize(string text, out long bytes) => TryParse(text, SizeUnits, out bytes);

    /// <summary>A number with its unit: ms, s, m, h or d.</summary>
    public static bool TryParseDuration(string text, out TimeSpan duration)
    {
        var parsed = TryParse(text, DurationUnits, out var ticks);
        duration = new TimeSpan(ticks);
        return parsed;
    }

    /// <summary><c>5%</c>, from 0 to below 100.</summary>
    public static bool TryParsePercent(string text, out double percent)
    {
        percent = 0;
        var trimmed = text.AsSpan().Trim();
        return trimmed.EndsWith("%")
            && double.TryParse(trimmed[..^1].TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out percent)
            && percent is >= 0 and < 100;
    }

    private static bool TryParse(string text, (string Unit, decimal Factor)[] units, out long value)
    {
        value = 0;
        var trimmed = text.AsSpan().Trim();
        var digits = trimmed.IndexOfAnyExcept("0123456789.");
        var number = digits < 0 ? trimmed : trimmed[..digits];
        var unit = digits < 0 ? [] : trimmed[digits..].TrimStart();
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount))
            return false;
        foreach (var (name, factor) in units)
        {
            if (!unit.Equals(name, StringComparison.OrdinalIgnoreCase))
                continue;
            // Divided, not multiplied: a long row of digits must not overflow.
            if (amount > long.MaxValue / factor)
                return false;
            value = (long)(amount * factor);
            return true;
        }
        return false;
    }
}
