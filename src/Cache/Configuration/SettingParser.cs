using System.Globalization;

namespace DatasetCache.Configuration;

/// <summary>Turns resolved texts into values, and what cannot be turned into errors that name setting, value and source.</summary>
internal sealed class SettingParser(IReadOnlyDictionary<string, ResolvedSetting> resolved, SettingErrors errors)
{
    public string? Text(string name) => resolved[name].Value is { Length: > 0 } value ? value : null;

    public bool Flag(string name)
    {
        switch (resolved[name].Value?.ToUpperInvariant())
        {
            case "TRUE" or "1" or "YES":
                return true;
            case "FALSE" or "0" or "NO":
                return false;
            default:
                errors.Add(resolved[name], "true or false");
                return false;
        }
    }

    public string Choice(string name)
    {
        var setting = resolved[name];
        foreach (var choice in setting.Setting.Choices)
        {
            if (string.Equals(choice, setting.Value, StringComparison.OrdinalIgnoreCase))
                return choice;
        }
        errors.Add(setting, string.Join(" or ", setting.Setting.Choices));
        return setting.Setting.Choices[0];
    }

    public IReadOnlyList<string> List(string name) =>
        resolved[name].Value?.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];

    public IReadOnlyList<string> Folders(string name)
    {
        var folders = resolved[name].Value?.Split(':', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        if (Array.Exists(folders, folder => !Path.IsPathRooted(folder)))
            errors.Add(resolved[name], "absolute paths, ':' between them");
        return folders;
    }

    public int Integer(string name, int min, int max)
    {
        if (int.TryParse(resolved[name].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max)
            return value;
        errors.Add(resolved[name], $"a whole number from {min} to {max}");
        return min;
    }

    public long Size(string name)
    {
        if (Quantity.TryParseSize(resolved[name].Value ?? "", out var bytes) && bytes > 0)
            return bytes;
        errors.Add(resolved[name], "a size above 0 such as 50GB (10⁹), 50GiB (2³⁰) or a plain number of bytes");
        return 1;
    }

    /// <summary>Bytes; 0 for none.</summary>
    public long SizeOrNone(string name)
    {
        if (Quantity.TryParseSize(resolved[name].Value ?? "", out var bytes))
            return bytes;
        errors.Add(resolved[name], "a size such as 256MiB, or 0 for none");
        return 0;
    }

    /// <summary>Bytes a second; 0 for no bound.</summary>
    public long Rate(string name)
    {
        if (Quantity.TryParseSize(resolved[name].Value ?? "", out var bytes))
            return bytes;
        errors.Add(resolved[name], "bytes a second such as 50MB, or 0 for no bound");
        return 0;
    }

    public TimeSpan Duration(string name, bool zeroAllowed)
    {
        // The upper bound is what timers of .NET can wait for.
        if (Quantity.TryParseDuration(resolved[name].Value ?? "", out var duration) && duration <= TimeSpan.FromDays(49)
            && (zeroAllowed || duration > TimeSpan.Zero))
        {
            return duration;
        }
        errors.Add(resolved[name], $"a duration {(zeroAllowed ? "" : "above 0 ")}such as 30s, 5m, 1h or 2d, at most 49d");
        return TimeSpan.Zero;
    }

    /// <summary>A duration that no timer waits for.</summary>
    public TimeSpan Age(string name)
    {
        if (Quantity.TryParseDuration(resolved[name].Value ?? "", out var age) && age > TimeSpan.Zero && age <= TimeSpan.FromDays(3650))
            return age;
        errors.Add(resolved[name], "a duration above 0 such as 12h or 30d, at most 3650d");
        return TimeSpan.FromDays(1);
    }

    /// <summary>A share above 0 to 100 percent.</summary>
    public double Percent(string name)
    {
        var text = resolved[name].Value?.Trim();
        if (string.Equals(text, "100%", StringComparison.Ordinal))
            return 100;
        if (Quantity.TryParsePercent(text ?? "", out var percent) && percent > 0)
            return percent;
        errors.Add(resolved[name], "a share above 0% and at most 100%, such as 90%");
        return 100;
    }

    public DiskFloor Floor(string name)
    {
        if (DiskFloor.TryParse(resolved[name].Value ?? "", out var floor))
            return floor;
        errors.Add(resolved[name], "percent of the disk such as 5%, or a size such as 20GB");
        return default;
    }

    public string? Endpoint(string name)
    {
        if (Text(name) is not { } text)
            return null;
        if (Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.Host.Length > 0
            && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0)
        {
            return uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/');
        }
        // A user:password@ in it is a credential: it must not be shown.
        errors.Add(name, $"{name} {(text.Contains('@', StringComparison.Ordinal) ? "holds an '@'" : $"is '{text}'")} ({resolved[name].Source}); "
            + "it must be a URL such as https://s3.example.com or http://localhost:9000, without credentials or a query.");
        return null;
    }

    public string DatasetPath(string name)
    {
        var path = resolved[name].Value ?? "";
        var rest = path.Replace("{dataset}", "d", StringComparison.Ordinal).Replace("{snapshot}", "s", StringComparison.Ordinal);
        if (!path.Contains("{dataset}", StringComparison.Ordinal) || rest.AsSpan().ContainsAny('{', '}') || path.StartsWith('/')
            || rest.TrimEnd('/').Split('/').Any(part => part is "" or "." or ".."))
        {
            errors.Add(resolved[name], "a relative path with {dataset} in it and no placeholder but {dataset} and {snapshot}");
        }
        return path.EndsWith('/') ? path : path + "/";
    }
}
