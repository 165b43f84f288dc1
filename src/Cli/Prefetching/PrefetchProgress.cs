using DatasetCache.Cli.Progress;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Prefetching;

/// <summary>Shows many acquisitions as one: files and bytes of all that have begun. With <c>--progress json</c> each tells its own.</summary>
internal sealed class PrefetchProgress(Settings settings, TimeProvider time, int count) : IAsyncDisposable
{
    private readonly Lock gate = new();
    private readonly List<IProgressDisplay> displays = Create(settings, time, settings.Progress is "json" ? count : 1);
    private readonly AcquireProgress?[] latest = new AcquireProgress?[count];
    private int finished;

    /// <summary>Null where nothing is to be shown.</summary>
    public IProgress<AcquireProgress>? Of(int index) => displays.Count == 0 ? null : displays.Count > 1 ? displays[index] : new One(this, index);

    public void Finished() => Interlocked.Increment(ref finished);

    public async ValueTask DisposeAsync()
    {
        foreach (var display in displays)
            await display.DisposeAsync();
    }

    private static List<IProgressDisplay> Create(Settings settings, TimeProvider time, int displays)
        => [.. Enumerable.Range(0, displays).Select(_ => ProgressDisplay.Create(settings.Progress, settings.Quiet, time)).OfType<IProgressDisplay>()];

    private void Report(int index, AcquireProgress value)
    {
        lock (gate)
        {
            latest[index] = value;
            var (filesDone, filesTotal, bytesDone, bytesTotal, fromOrigin) = (0L, 0L, 0L, 0L, 0L);
            foreach (var one in latest)
            {
                if (one is null)
                    continue;
                filesDone += one.FilesDone;
                filesTotal += one.FilesTotal;
                bytesDone += one.BytesDone;
                bytesTotal += one.BytesTotal;
                fromOrigin += one.BytesFromOrigin;
            }
            displays[0].Report(new AcquireProgress(value.Phase, $"{Volatile.Read(ref finished)} of {count} datasets", filesDone, filesTotal, bytesDone, bytesTotal, fromOrigin));
        }
    }

    private sealed class One(PrefetchProgress all, int index) : IProgress<AcquireProgress>
    {
        public void Report(AcquireProgress value) => all.Report(index, value);
    }
}
