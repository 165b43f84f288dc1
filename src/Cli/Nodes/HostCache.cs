using DatasetCache.Cli.Output;
using DatasetCache.Configuration;
using DatasetCache.Store;

namespace DatasetCache.Cli.Nodes;

/// <summary>The cache of this host for a job: through the node that owns it, or the store itself where no node runs.</summary>
internal abstract class HostCache : IDatasetCache
{
    /// <summary>What a person may say on the command line although a node runs: it reaches the node with each call, or concerns this process alone.</summary>
    private static readonly string[] OfTheCall =
    [
        SettingTable.OriginUrl, SettingTable.OriginBucket, SettingTable.OriginEndpoint, SettingTable.CacheRoot, SettingTable.FreshnessRefresh, SettingTable.Link, SettingTable.Select,
        SettingTable.Include, SettingTable.Exclude, SettingTable.AllowMissing, SettingTable.Progress, SettingTable.Json, SettingTable.Quiet,
    ];

    public static HostCache Open(Session session, Settings settings)
    {
        // These are about what this process may do, and a hit needs no node.
        if (settings.Cache.Offline || settings.Cache.Strict || NodeLock.Find(settings.Cache.Root) is not { } address)
            return new StoreCache(session.OpenCache(settings));
        if (!settings.Quiet && settings.All.Where(setting => setting.Source.Origin == SettingOrigin.Flag && !OfTheCall.Contains(setting.Setting.Name, StringComparer.Ordinal)).ToArray() is { Length: > 0 } unused)
            Stdio.Note($"dscache: note: {string.Join(", ", unused.Select(setting => setting.Setting.Flag))}: the node of this host goes by its own settings.");
        return new NodeCache(session, settings, address);
    }

    public abstract Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default);

    /// <summary>As <see cref="LocalDatasetCache.Release"/>.</summary>
    public abstract Task<ReleaseResult> ReleaseAsync(string jobDirectory);

    public abstract ValueTask DisposeAsync();

    private sealed class StoreCache(LocalDatasetCache cache) : HostCache
    {
        public override Task<DatasetLease> AcquireAsync(AcquireRequest request, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
            => cache.AcquireAsync(request, progress, cancellationToken);

        public override Task<ReleaseResult> ReleaseAsync(string jobDirectory) => Task.FromResult(cache.Release(jobDirectory));

        public override ValueTask DisposeAsync() => cache.DisposeAsync();
    }
}
