using DatasetCache.Datasets;
using DatasetCache.Origins;

namespace DatasetCache.Configuration;

/// <summary>All settings of this process, each with the place it came from: flags, then environment, then <c>dscache.json</c>, then defaults.</summary>
public sealed class Settings
{
    private readonly Dictionary<string, ResolvedSetting> resolved = new(StringComparer.Ordinal);

    private Settings(SettingLayers layers, Func<string, string?> environment, SettingErrors errors)
    {
        foreach (var setting in SettingTable.All)
            resolved[setting.Name] = layers.Resolve(setting);
        var pair = layers.ResolveCredentials(resolved[SettingTable.OriginProfile]);
        Put(pair.AccessKey);
        Put(pair.SecretKey);
        Put(pair.SessionToken);
        FillComputedDefaults(environment, errors);

        var parser = new SettingParser(resolved, errors);
        Cache = ReadCache(parser, errors);
        Origin = ReadOrigin(parser);
        Link = parser.Choice(SettingTable.Link) switch { "tree" => LinkMode.Tree, "copy" => LinkMode.Copy, _ => LinkMode.Symlink };
        Selection = new Selection
        {
            Mode = parser.Choice(SettingTable.Select) switch
            {
                "annotated" => SelectionMode.Annotated,
                "all" => SelectionMode.All,
                _ => SelectionMode.Auto,
            },
            Include = parser.List(SettingTable.Include),
            Exclude = parser.List(SettingTable.Exclude),
        };
        AllowMissing = parser.Flag(SettingTable.AllowMissing);
        Refresh = parser.Flag(SettingTable.FreshnessRefresh);
        Progress = parser.Choice(SettingTable.Progress);
        Json = parser.Flag(SettingTable.Json);
        Quiet = parser.Flag(SettingTable.Quiet);
    }

    /// <summary>Every setting in the order of <see cref="SettingTable.All"/>.</summary>
    public IEnumerable<ResolvedSetting> All => SettingTable.All.Select(setting => resolved[setting.Name]);

    /// <exception cref="KeyNotFoundException">There is no such setting.</exception>
    public ResolvedSetting this[string name] => resolved[name];

    public CacheOptions Cache { get; }

    public OriginOptions Origin { get; }

    public LinkMode Link { get; }

    public Selection Selection { get; }

    public bool AllowMissing { get; }

    public bool Refresh { get; }

    /// <summary><c>auto</c>, <c>plain</c>, <c>json</c> or <c>none</c>.</summary>
    public string Progress { get; }

    public bool Json { get; }

    public bool Quiet { get; }

    /// <summary>
    /// The configuration files to look in, the nearest first: <c>DSCACHE_CONFIG</c> alone where it is set, else <c>./dscache.json</c>,
    /// <c>$XDG_CONFIG_HOME/dscache/dscache.json</c> (<c>~/.config</c>) and <c>/etc/dscache/dscache.json</c>. They need not exist.
    /// </summary>
    /// <exception cref="ConfigurationException"><c>DSCACHE_CONFIG</c> names no file.</exception>
    public static IReadOnlyList<string> ConfigFiles(Func<string, string?> environment, string? workingDirectory = null) =>
        ConfigFile.Places(environment, workingDirectory);

    /// <summary>Reads all settings.</summary>
    /// <param name="flags">By canonical name, not by flag.</param>
    /// <param name="environment">Gives a variable's value, or null.</param>
    /// <param name="configFilePaths">Nearest first; those that do not exist are passed over.</param>
    /// <exception cref="ConfigurationException">Settings are wrong or contradict each other; one message names all of them.</exception>
    public static Settings Load(
        IReadOnlyDictionary<string, string> flags, Func<string, string?> environment, IReadOnlyList<string> configFilePaths)
    {
        var errors = new SettingErrors();
        foreach (var name in flags.Keys.Where(name => SettingTable.Find(name) is null))
            throw new ArgumentException($"There is no setting '{name}'.", nameof(flags));
        var files = configFilePaths.Select(path => ConfigFile.TryRead(path, errors)).OfType<ConfigFile>().ToArray();
        var settings = Read(flags, environment, files, errors);
        errors.ThrowIfAny();
        return settings;
    }

    /// <summary>The same for a caller who has more to read before he says what is wrong.</summary>
    internal static Settings Read(IReadOnlyDictionary<string, string> flags, Func<string, string?> environment, IReadOnlyList<ConfigFile> files, SettingErrors errors)
        => new(new SettingLayers(flags, environment, files, errors), environment, errors);

    /// <summary>What is wrong with a file of this content, looked at alone.</summary>
    internal static IReadOnlyList<(string Setting, string Message)> Check(string path, byte[] content)
    {
        var errors = new SettingErrors();
        var layers = new SettingLayers(new Dictionary<string, string>(StringComparer.Ordinal), _ => null, [ConfigFile.Parse(path, content, errors)], errors);
        _ = new Settings(layers, name => name is "HOME" ? "/" : null, errors);
        return errors.All;
    }

    /// <summary>Reads all settings of a program whose host has a configuration of its own, which takes the place of <c>dscache.json</c>.</summary>
    /// <param name="values">By canonical name in whatever case; of a list a pair for each item.</param>
    /// <param name="place">What the configuration is called in messages.</param>
    /// <param name="environment">Gives a variable's value, or null. Variables win over the configuration.</param>
    /// <exception cref="ConfigurationException">Settings are wrong or contradict each other; one message names all of them.</exception>
    public static Settings Load(IEnumerable<KeyValuePair<string, string>> values, string place, Func<string, string?> environment)
    {
        var errors = new SettingErrors();
        var flags = new Dictionary<string, string>(StringComparer.Ordinal);
        var settings = new Settings(new SettingLayers(flags, environment, [ConfigFile.Of(place, values, errors)], errors), environment, errors);
        errors.ThrowIfAny();
        return settings;
    }

    /// <summary>Holds options that were made or changed by hand to the same rules as those that are read, by the same parser.</summary>
    /// <exception cref="ConfigurationException">Something is out of its range; one message names all.</exception>
    internal static void Check(CacheOptions options)
    {
        var errors = new SettingErrors();
        if (!Path.IsPathRooted(options.Root))
            errors.Add(SettingTable.CacheRoot, $"{SettingTable.CacheRoot} is '{options.Root}' (set in code); it must be an absolute path.");
        var resolved = SettingTable.All.ToDictionary(setting => setting.Name, setting => new ResolvedSetting(setting, setting.Default, SettingSource.Default), StringComparer.Ordinal);
        foreach (var (name, text) in OptionsText.Of(options))
            resolved[name] = new ResolvedSetting(SettingTable.Get(name), text, new SettingSource(SettingOrigin.Code, null));
        _ = ReadCache(new SettingParser(resolved, errors), errors);
        errors.ThrowIfAny();
    }

    /// <summary>Reads the settings of this process: no flags, its environment, the usual files.</summary>
    /// <exception cref="ConfigurationException">Settings are wrong or contradict each other; one message names all of them.</exception>
    public static Settings Load() =>
        Load(new Dictionary<string, string>(StringComparer.Ordinal), Environment.GetEnvironmentVariable, ConfigFiles(Environment.GetEnvironmentVariable));

    private static CacheOptions ReadCache(SettingParser parser, SettingErrors errors)
    {
        var options = ReadCache(parser);
        if (options.MaxTtl < options.BaseTtl)
            errors.Add(SettingTable.EvictionMaxTtl, $"{SettingTable.EvictionMaxTtl} is {options.MaxTtl} and {SettingTable.EvictionBaseTtl} is {options.BaseTtl}: the longest cannot be shorter than the base.");
        return options;
    }

    private static CacheOptions ReadCache(SettingParser parser) => new()
    {
        Root = Path.GetFullPath(parser.Text(SettingTable.CacheRoot) ?? "."),
        SharedRoots = parser.Folders(SettingTable.CacheSharedRoot),
        MaxSize = parser.Size(SettingTable.CacheMaxSize),
        LowMarkPercent = parser.Percent(SettingTable.CacheLowMark),
        MinFree = parser.Floor(SettingTable.CacheMinFree),
        BaseTtl = parser.Age(SettingTable.EvictionBaseTtl),
        MaxTtl = parser.Age(SettingTable.EvictionMaxTtl),
        Durable = parser.Flag(SettingTable.CacheDurable),
        Concurrency = parser.Integer(SettingTable.TransferConcurrency, 1, 1024),
        Attempts = parser.Integer(SettingTable.TransferAttempts, 1, 100),
        StallTimeout = parser.Duration(SettingTable.TransferStallTimeout, zeroAllowed: false),
        LockTimeout = parser.Duration(SettingTable.LockTimeout, zeroAllowed: true),
        FreshnessTtl = parser.Duration(SettingTable.FreshnessTtl, zeroAllowed: true),
        MaxStale = parser.Duration(SettingTable.FreshnessMaxStale, zeroAllowed: true),
        ScrubPeriod = parser.Age(SettingTable.ScrubPeriod),
        ScrubRate = parser.Rate(SettingTable.ScrubRate),
        Offline = parser.Flag(SettingTable.Offline),
        Strict = parser.Flag(SettingTable.Strict),
        DatasetPathTemplate = parser.DatasetPath(SettingTable.OriginDatasetPath),
    };

    private OriginOptions ReadOrigin(SettingParser parser) => new()
    {
        Url = parser.Text(SettingTable.OriginUrl),
        Endpoint = parser.Endpoint(SettingTable.OriginEndpoint),
        Bucket = parser.Text(SettingTable.OriginBucket),
        Credentials = parser.Text(SettingTable.OriginAccessKey) is { } access && parser.Text(SettingTable.OriginSecretKey) is { } secret
            ? new OriginCredentials(access, secret, parser.Text(SettingTable.OriginSessionToken))
            : null,
        Profile = parser.Text(SettingTable.OriginProfile),
        Region = parser.Text(SettingTable.OriginRegion) ?? "auto",
        PathStyle = parser.Flag(SettingTable.OriginPathStyle),
        Anonymous = parser.Flag(SettingTable.OriginAnonymous),
        Concurrency = Cache.Concurrency,
        Attempts = Cache.Attempts,
    };

    // Defaults that hang on other settings or on the user.
    private void FillComputedDefaults(Func<string, string?> environment, SettingErrors errors)
    {
        if (resolved[SettingTable.OriginPathStyle] is { Source.Origin: SettingOrigin.Default } pathStyle)
            Put(pathStyle with { Value = resolved[SettingTable.OriginEndpoint].Value is null ? "false" : "true" });
        if (resolved[SettingTable.CacheRoot] is not { Source.Origin: SettingOrigin.Default } root)
            return;
        // The XDG specification has relative paths ignored.
        if (environment("XDG_CACHE_HOME") is { Length: > 0 } xdg && Path.IsPathRooted(xdg))
            Put(root with { Value = Path.Combine(xdg, "dscache") });
        else if (environment("HOME") is { Length: > 0 } home)
            Put(root with { Value = Path.Combine(home, ".cache", "dscache") });
        else
            errors.Add(root.Setting.Name, $"{root.Setting.Name} is not set: looked for {root.Setting.Flag}, DSCACHE_ROOT, dscache.json, XDG_CACHE_HOME and HOME.");
    }

    private void Put(ResolvedSetting value) => resolved[value.Setting.Name] = value;
}
