using System.Collections.Concurrent;
using DatasetCache.Configuration;

namespace DatasetCache.Origins;

/// <summary>Makes origins from what people write, one per bucket or folder: its connections and credentials serve every dataset in it.</summary>
public sealed class OriginFactory(OriginOptions options, TimeProvider? timeProvider = null) : IOriginFactory, IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<IOrigin>> opened = new(StringComparer.Ordinal);

    /// <inheritdoc />
    /// <exception cref="InvalidRequestException"><paramref name="origin"/> is neither a bucket nor a folder.</exception>
    public (IOrigin Origin, string Prefix) Open(string? origin)
    {
        var address = origin is null ? Default() : OriginAddress.Parse(origin);
        return (opened.GetOrAdd($"{address.Kind} {address.Bucket}", _ => new Lazy<IOrigin>(() => Make(address))).Value, address.Prefix);
    }

    private IOrigin Make(OriginAddress address) => address.Kind == OriginKind.Folder
        ? new FolderOrigin(address.Bucket)
        : new S3Origin(address.Bucket, options, timeProvider ?? TimeProvider.System);

    public void Dispose()
    {
        foreach (var origin in opened.Values)
            origin.Value.Dispose();
    }

    private OriginAddress Default()
    {
        var (setting, text) = options.Url is not null
            ? (SettingTable.OriginUrl, options.Url)
            : (SettingTable.OriginBucket, options.Bucket is null ? null : "s3://" + options.Bucket);
        if (text is null)
        {
            throw new ConfigurationException(SettingTable.OriginUrl,
                "No origin is set. Looked for " + string.Join(", ", new[] { SettingTable.OriginUrl, SettingTable.OriginBucket }
                    .Select(SettingTable.Get).Select(s => $"{s.Name} ({s.Flag}, {string.Join(", ", s.Variables)}, dscache.json)")) + ".",
                "Name it in the call, or set DSCACHE_ORIGIN to s3://bucket[/prefix] or to a folder.");
        }
        try
        {
            return OriginAddress.Parse(text);
        }
        catch (InvalidRequestException e)
        {
            throw new ConfigurationException(setting, $"{setting}: {e.Message}", e.Advice);
        }
    }
}
