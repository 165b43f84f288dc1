using DatasetCache.Configuration;

namespace DatasetCache.Origins;

/// <summary>Makes origins from what people write. Cheap: no I/O and no SDK until the first listing or read.</summary>
public sealed class OriginFactory(OriginOptions options, TimeProvider? timeProvider = null)
{
    /// <summary>Opens an origin; the caller disposes it.</summary>
    /// <param name="origin"><c>s3://bucket[/prefix]</c> or a folder; null for the configured default.</param>
    /// <returns>The origin, and the prefix within it that <paramref name="origin"/> named: empty, or ending in '/'.</returns>
    /// <exception cref="InvalidRequestException"><paramref name="origin"/> is neither.</exception>
    /// <exception cref="ConfigurationException">There is no default, or it is wrong.</exception>
    public (IOrigin Origin, string Prefix) Open(string? origin)
    {
        var address = origin is null ? Default() : OriginAddress.Parse(origin);
        return (address.Kind == OriginKind.Folder
            ? new FolderOrigin(address.Bucket)
            : new S3Origin(address.Bucket, options, timeProvider ?? TimeProvider.System), address.Prefix);
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
