namespace DatasetCache.Configuration;

/// <summary>One thing that can be set.</summary>
public sealed record Setting
{
    /// <summary>The name in <c>dscache.json</c>, dots for nested objects: <c>origin.endpoint</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The command line's flag with its dashes, or null where a command line is the wrong place (secrets show in <c>ps</c>).</summary>
    public string? Flag { get; init; }

    /// <summary>Environment variables, the first that is set wins. An empty variable counts as not set.</summary>
    public required IReadOnlyList<string> Variables { get; init; }

    /// <summary>The default as a person would write it; null where there is none.</summary>
    public string? Default { get; init; }

    /// <summary>What it does, with its unit.</summary>
    public required string Description { get; init; }

    /// <summary>The words it may be, where it is one of a few.</summary>
    public IReadOnlyList<string> Choices { get; init; } = [];

    /// <summary>Whether its value must never be shown.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Whether it holds several values, ';' between them, an array in <c>dscache.json</c>.</summary>
    public bool IsList { get; init; }
}

/// <summary>Where a value came from, the stronger ones first.</summary>
public enum SettingOrigin
{
    /// <summary>Set in code, on options made or changed by hand.</summary>
    Code,
    Flag,
    Environment,
    /// <summary>A section of the host's configuration, in place of <c>dscache.json</c>.</summary>
    Configuration,
    File,
    Default,
}

/// <summary>Where a value came from; <paramref name="Name"/> is the flag, the variable or the file's path.</summary>
public sealed record SettingSource(SettingOrigin Origin, string? Name)
{
    public static SettingSource Default { get; } = new(SettingOrigin.Default, null);

    public override string ToString() => Origin switch
    {
        SettingOrigin.Flag => $"flag {Name}",
        SettingOrigin.Environment => $"environment {Name}",
        SettingOrigin.Configuration => $"configuration {Name}",
        SettingOrigin.Code => "set in code",
        SettingOrigin.File => $"file {Name}",
        _ => "default",
    };
}

/// <summary>A setting with its value as text (null: not set) and where that came from.</summary>
public sealed record ResolvedSetting(Setting Setting, string? Value, SettingSource Source)
{
    /// <summary>The value for people and logs: secrets are hidden.</summary>
    public string? Shown => Value is null ? null : Setting.IsSecret ? "(hidden)" : Value;

    public override string ToString() => $"{Setting.Name} = {Shown ?? "(not set)"} ({Source})";
}
