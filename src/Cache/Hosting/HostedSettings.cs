using DatasetCache.Configuration;
using DatasetCache.Origins;
using Microsoft.Extensions.Configuration;

namespace DatasetCache.Hosting;

/// <summary>The settings of a hosted cache, read once, when they are first asked for.</summary>
internal sealed class HostedSettings(IConfiguration? section, Func<CacheOptions, CacheOptions>? cache, Func<OriginOptions, OriginOptions>? origin)
{
    private readonly Lazy<(CacheOptions Cache, OriginOptions Origin)> read = new(() => Read(section, cache, origin));

    public CacheOptions Cache => read.Value.Cache;

    public OriginOptions Origin => read.Value.Origin;

    private static (CacheOptions, OriginOptions) Read(IConfiguration? section, Func<CacheOptions, CacheOptions>? cache, Func<OriginOptions, OriginOptions>? origin)
    {
        var settings = section is null ? Settings.Load() : Settings.Load(Values(section), (section as IConfigurationSection)?.Path ?? "root", Environment.GetEnvironmentVariable);
        var options = settings.Cache;
        if (cache is not null)
        {
            options = cache(options);
            options.Validate();
        }
        return (options, origin?.Invoke(settings.Origin) ?? settings.Origin);
    }

    // "cache:maxSize" is cache.maxSize; an item of a list has its number at the end.
    private static IEnumerable<KeyValuePair<string, string>> Values(IConfiguration section) => section.AsEnumerable(makePathsRelative: true)
        .Where(pair => pair.Value is not null)
        .OrderBy(pair => pair.Key, StringComparer.Ordinal)
        .Select(pair => KeyValuePair.Create(Name(pair.Key), pair.Value!));

    private static string Name(string key)
    {
        var name = key.Replace(':', '.');
        var dot = name.LastIndexOf('.');
        return dot > 0 && int.TryParse(name.AsSpan(dot + 1), System.Globalization.CultureInfo.InvariantCulture, out _) ? name[..dot] : name;
    }
}
