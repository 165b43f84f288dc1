using System.Globalization;
using DatasetCache.Datasets;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api;

/// <summary>What stands behind the question mark, each with a default and its bounds.</summary>
internal static class Query
{
    /// <exception cref="InvalidRequestException">It is no number.</exception>
    public static int Number(HttpContext context, string name, int otherwise, int least, int most)
    {
        var text = context.Request.Query[name].ToString();
        if (text.Length == 0)
            return otherwise;
        return int.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number)
            ? Math.Clamp(number, least, most)
            : throw new InvalidRequestException($"{name} is {PrintableText.Quote(text)}, which is no number.");
    }

    /// <exception cref="InvalidRequestException">It is neither true nor false.</exception>
    public static bool Flag(HttpContext context, string name) => context.Request.Query[name].ToString() switch
    {
        "" or "false" or "0" => false,
        "true" or "1" => true,
        var text => throw new InvalidRequestException($"{name} is {PrintableText.Quote(text)}; it can be true or false."),
    };

    /// <exception cref="InvalidRequestException">It is no day.</exception>
    public static DateOnly Day(HttpContext context, string name, DateOnly otherwise)
    {
        var text = context.Request.Query[name].ToString();
        if (text.Length == 0)
            return otherwise;
        return DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? day
            : throw new InvalidRequestException($"{name} is {PrintableText.Quote(text)}, which is no day.", "Write it as 2026-11-01.");
    }

    /// <summary>Null where it is not there.</summary>
    public static string? Text(HttpContext context, string name) => context.Request.Query[name].ToString() is { Length: > 0 } text ? text : null;
}
