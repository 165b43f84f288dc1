using System.Collections.Concurrent;
using DatasetCache.Cli.Nodes;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Running;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Prefetching;

/// <summary>Gets the datasets of a list, some at once. One that fails does not keep the others.</summary>
internal sealed class PrefetchRun(Session session, Settings settings, IReadOnlyList<PrefetchItem> items, int jobs, bool failFast)
{
    private readonly PrefetchedDocument[] done = [.. items.Select(item => PrefetchedDocument.Skipped(item.Source, item.Line))];

    // Held to the end: what is fetched last must not make room for itself by evicting what was fetched first.
    private readonly ConcurrentBag<DatasetLease> leases = [];

    public async Task<int> RunAsync()
    {
        using var interruption = new Interruption();
        var started = session.Time.GetTimestamp();
        await using var cache = HostCache.Open(session, settings);
        try
        {
            await FetchAsync(cache, interruption.Token);
        }
        finally
        {
            foreach (var lease in leases)
                await lease.DisposeAsync();
        }
        PrefetchDocument.Of(done, session.Time.GetElapsedTime(started)).Write(settings.Json, settings.Quiet);
        if (interruption.Signal is { } signal)
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(settings.Json);
        // The worst is what no retry mends.
        var failures = done.Select(one => one.Error).OfType<ErrorReport>().ToArray();
        return (Array.Find(failures, error => !error.Retry) ?? failures.FirstOrDefault())?.ExitCode ?? ExitCode.Ok;
    }

    private async Task FetchAsync(IDatasetCache cache, CancellationToken interrupted)
    {
        await using var progress = new PrefetchProgress(settings, session.Time, items.Count);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        try
        {
            await Parallel.ForEachAsync(Enumerable.Range(0, items.Count), new ParallelOptions { MaxDegreeOfParallelism = jobs, CancellationToken = stop.Token }, async (i, cancellationToken) =>
            {
                done[i] = await FetchAsync(cache, items[i], progress.Of(i), cancellationToken);
                progress.Finished();
                if (done[i].Error is not null && failFast)
                    await stop.CancelAsync();
            });
        }
        catch (OperationCanceledException)
        {
            // What had not begun, or not ended, stays as skipped.
        }
    }

    private async Task<PrefetchedDocument> FetchAsync(IDatasetCache cache, PrefetchItem item, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            var lease = await cache.AcquireAsync(item.Request, progress, cancellationToken);
            leases.Add(lease);
            return PrefetchedDocument.Of(item.Source, item.Line, lease);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return PrefetchedDocument.Failed(item.Source, item.Line, ErrorReport.Of(e));
        }
    }
}
