using System.Globalization;

namespace DatasetCache.Cli.Output;

/// <summary>Numbers for people. Sizes count in thousands as disks and S3 bills do: 1 kB = 1,000 bytes, 1 GB = 10^9 bytes.</summary>
internal static class Display
{
    private static readonly string[] Units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

    /// <summary>Three digits: <c>999 B</c>, <c>1.5 GB</c>, <c>163 MB</c>.</summary>
    public static string Size(double bytes)
    {
        var unit = 0;
        // 999.5 would print as 1000.
        while (bytes >= 999.5 && unit < Units.Length - 1)
        {
            bytes /= 1000;
            unit++;
        }
        var format = unit == 0 || bytes >= 9.95 ? "0" : "0.0";
        return bytes.ToString(format, CultureInfo.InvariantCulture) + " " + Units[unit];
    }

    public static string Count(long count) => count.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary><c>42 s</c>, <c>3 min 05 s</c>, <c>2 h 07 min</c>, <c>5 d 3 h</c>.</summary>
    public static string Duration(TimeSpan time)
    {
        if (time < TimeSpan.FromMinutes(1))
            return string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (long)time.TotalSeconds)} s");
        if (time < TimeSpan.FromHours(1))
            return string.Create(CultureInfo.InvariantCulture, $"{time.Minutes} min {time.Seconds:00} s");
        return time < TimeSpan.FromDays(1)
            ? string.Create(CultureInfo.InvariantCulture, $"{time.Hours} h {time.Minutes:00} min")
            : string.Create(CultureInfo.InvariantCulture, $"{time.Days} d {time.Hours} h");
    }

    /// <summary>In UTC, so that hosts and logs agree: <c>2026-11-21 09:50:02Z</c>.</summary>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    public static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) + " s";
}
