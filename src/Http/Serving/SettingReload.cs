using DatasetCache.Configuration;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Serving;

/// <summary>
/// Looks at the settings again every few seconds, and at once after SIGHUP (<c>systemctl reload</c>): quota, time to live, freshness and scrubbing change while the node runs.
/// What is wrong changes nothing. The files' contents are compared: news of a file system do not come from every place that a file may be mounted from.
/// </summary>
internal sealed partial class SettingReload(SettingSources sources, LocalDatasetCache cache, TimeProvider time, ILogger<SettingReload> logger) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>What a running cache goes by. All else counts from the next start.</summary>
    private static readonly HashSet<string> Live = new(StringComparer.Ordinal)
    {
        SettingTable.CacheMaxSize, SettingTable.CacheLowMark, SettingTable.CacheMinFree, SettingTable.EvictionBaseTtl, SettingTable.EvictionMaxTtl, SettingTable.FreshnessTtl,
        SettingTable.FreshnessMaxStale, SettingTable.ScrubPeriod, SettingTable.ScrubRate,
    };

    private readonly Lock gate = new();
    private byte[]?[] read = sources.ReadFiles();
    private IReadOnlyList<ResolvedSetting> known = AllOf(sources.Read());

    /// <summary>Reads everything again, whether a file changed or not.</summary>
    public void Reload()
    {
        lock (gate)
        {
            var now = sources.ReadFiles();
            // Half of an editor's saving is no wish to have the defaults, which may be a smaller quota.
            if (read.Zip(now).Any(pair => pair is { First: not null, Second: null }))
            {
                Kept("a file that was there at the start of the node is gone");
                return;
            }
            read = now;
            var configuration = sources.Read();
            if (configuration.Errors.All.Count > 0)
            {
                Kept(string.Join(' ', configuration.Errors.All.Select(error => error.Message)));
                return;
            }
            var all = AllOf(configuration);
            var changed = known.Zip(all).Where(pair => !string.Equals(pair.First.Value, pair.Second.Value, StringComparison.Ordinal)).ToArray();
            known = all;
            if (Array.Exists(changed, pair => Live.Contains(pair.First.Setting.Name)))
                cache.Change(configuration.Engine.Cache);
            foreach (var (before, after) in changed)
            {
                if (Live.Contains(after.Setting.Name))
                    Changed(after.Setting.Name, after.Shown ?? "not set", after.Source, before.Shown ?? "not set");
                else
                    NotYet(after.Setting.Name, after.Source);
            }
            if (changed.Length == 0)
                Same();
        }
    }

    /// <summary>Reads everything again where a file changed.</summary>
    public void Look()
    {
        lock (gate)
        {
            if (!sources.ReadFiles().SequenceEqual(read, SameBytes.Instance))
                Reload();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var hangUp = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            Reload();
        });
        using var timer = new PeriodicTimer(LookEvery, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                Look();
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops: the only way out.
        }
    }

    private static IReadOnlyList<ResolvedSetting> AllOf(NodeConfiguration configuration) => [.. configuration.Engine.All, .. NodeSettingTable.All.Select(setting => configuration.Node[setting.Name])];

    private sealed class SameBytes : IEqualityComparer<byte[]?>
    {
        public static SameBytes Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x is null ? y is null : y is not null && x.AsSpan().SequenceEqual(y);

        public int GetHashCode(byte[]? bytes) => bytes?.Length ?? 0;
    }

    [LoggerMessage(241, LogLevel.Information, "{Setting} is {Value} from now on ({Source}); it was {Before}")]
    private partial void Changed(string setting, string value, SettingSource source, string before);

    [LoggerMessage(242, LogLevel.Warning, "{Setting} has changed ({Source}), and counts from the next start of the node")]
    private partial void NotYet(string setting, SettingSource source);

    [LoggerMessage(243, LogLevel.Error, "The settings have changed and cannot be used; all stays as it was: {Reason}")]
    private partial void Kept(string reason);

    [LoggerMessage(244, LogLevel.Information, "The settings were read again: nothing has changed")]
    private partial void Same();
}

/// <summary>Where a node's settings come from, to be read more than once.</summary>
internal sealed record SettingSources(NodeArguments Arguments, Func<string, string?> Environment, IReadOnlyList<string> Files)
{
    public NodeConfiguration Read() => NodeConfiguration.Read(Arguments, Environment, Files);

    /// <summary>What stands in each file; null for one that is not there or cannot be read.</summary>
    public byte[]?[] ReadFiles() => [.. Files.Select(TryRead)];

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllBytes(path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
