using System.Text.Json;

namespace DatasetCache.Configuration;

/// <summary>One <c>dscache.json</c>: nested objects or dotted names, comments and trailing commas allowed.</summary>
internal sealed class ConfigFile
{
    private readonly Dictionary<string, string> values = new(StringComparer.Ordinal);

    private ConfigFile(string path, SettingOrigin kind = SettingOrigin.File) => (Path, Source) = (path, new SettingSource(kind, path));

    public string Path { get; }

    /// <summary>How it is named where a value from it is shown.</summary>
    public SettingSource Source { get; }

    public string? this[string name] => values.GetValueOrDefault(name);

    /// <summary>
    /// The files to look in, the nearest first: the one that <c>DSCACHE_CONFIG</c> names, or else those of the working directory, the user and
    /// the machine. They need not exist.
    /// </summary>
    /// <exception cref="ConfigurationException"><c>DSCACHE_CONFIG</c> names no file.</exception>
    public static IReadOnlyList<string> Places(Func<string, string?> environment, string? workingDirectory)
    {
        if (environment("DSCACHE_CONFIG") is { Length: > 0 } named)
        {
            return File.Exists(named)
                ? [System.IO.Path.GetFullPath(named)]
                : throw new ConfigurationException("DSCACHE_CONFIG", $"DSCACHE_CONFIG names '{named}', and there is no such file.",
                    "Create the file, or unset DSCACHE_CONFIG.");
        }
        var places = new List<string> { System.IO.Path.Combine(workingDirectory ?? Environment.CurrentDirectory, "dscache.json") };
        if (environment("XDG_CONFIG_HOME") is { Length: > 0 } xdg && System.IO.Path.IsPathRooted(xdg))
            places.Add(System.IO.Path.Combine(xdg, "dscache", "dscache.json"));
        else if (environment("HOME") is { Length: > 0 } home)
            places.Add(System.IO.Path.Combine(home, ".config", "dscache", "dscache.json"));
        places.Add("/etc/dscache/dscache.json");
        return places;
    }

    /// <summary>Reads the file; null where there is none. What is wrong with it goes to <paramref name="errors"/>.</summary>
    public static ConfigFile? TryRead(string path, SettingErrors errors)
    {
        try
        {
            return File.Exists(path) ? Parse(path, File.ReadAllBytes(path), errors) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            errors.Add("dscache.json", $"{path}: cannot be read: {e.Message}");
            return new ConfigFile(path);
        }
    }

    /// <summary>What a file of this content says.</summary>
    public static ConfigFile Parse(string path, ReadOnlyMemory<byte> content, SettingErrors errors)
    {
        var file = new ConfigFile(path);
        try
        {
            using var document = JsonDocument.Parse(content, new JsonDocumentOptions { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
            if (document.RootElement.ValueKind == JsonValueKind.Object)
                file.Add(document.RootElement, "", errors);
            else
                errors.Add("dscache.json", $"{path}: holds no JSON object.");
        }
        catch (JsonException e)
        {
            errors.Add("dscache.json", $"{path}: is not JSON: line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.");
        }
        return file;
    }

    /// <summary>Values that something else has read, by their names in whatever case (a host's configuration has none); <paramref name="place"/> is for messages.</summary>
    public static ConfigFile Of(string place, IEnumerable<KeyValuePair<string, string>> given, SettingErrors errors)
    {
        var file = new ConfigFile(place, SettingOrigin.Configuration);
        foreach (var (name, value) in given)
        {
            if (SettingTable.All.Concat(NodeSettingTable.All).FirstOrDefault(setting => string.Equals(setting.Name, name, StringComparison.OrdinalIgnoreCase)) is not { } setting)
                errors.Add(name, $"configuration {place}: there is no setting '{name}'." + (SettingTable.Nearest(name) is { } nearest ? $" Did you mean '{nearest}'?" : ""));
            else
                file.values[setting.Name] = setting.IsList && file.values.TryGetValue(setting.Name, out var before) ? $"{before};{value}" : value;
        }
        return file;
    }

    private void Add(JsonElement element, string parent, SettingErrors errors)
    {
        foreach (var property in element.EnumerateObject())
        {
            var name = parent.Length == 0 ? property.Name : parent + "." + property.Name;
            var setting = SettingTable.Find(name) ?? NodeSettingTable.Find(name);
            if (setting is not null)
                AddValue(setting, property.Value, errors);
            else if (property.Value.ValueKind == JsonValueKind.Object && SettingTable.All.Concat(NodeSettingTable.All).Any(s => s.Name.StartsWith(name + ".", StringComparison.Ordinal)))
                Add(property.Value, name, errors);
            else if (!string.Equals(name, "$schema", StringComparison.Ordinal))
                errors.Add(name, $"{Path}: there is no setting '{name}'."
                    + (SettingTable.Nearest(name) is { } nearest ? $" Did you mean '{nearest}'?" : ""));
        }
    }

    private void AddValue(Setting setting, JsonElement value, SettingErrors errors)
    {
        var text = value.ValueKind switch
        {
            JsonValueKind.Null => "",
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            JsonValueKind.Array when setting.IsList && value.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                string.Join(';', value.EnumerateArray().Select(item => item.GetString())),
            _ => null,
        };
        if (text is null)
            errors.Add(setting.Name, $"{Path}: {setting.Name} must be a {(setting.IsList ? "string or an array of strings" : "string, number or boolean")}.");
        else if (!values.TryAdd(setting.Name, text))
            errors.Add(setting.Name, $"{Path}: {setting.Name} stands there twice.");
    }
}
