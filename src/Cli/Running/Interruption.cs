using System.Runtime.InteropServices;
using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Running;

/// <summary>
/// SIGINT and SIGTERM while a dataset is acquired: the first cancels, so that the download's journal is written to its end; the second ends
/// the process at once.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource cancellation = new();
    private readonly PosixSignalRegistration[] registrations;
    private UnixSignal? received;

    public Interruption() =>
        registrations = [.. new[] { UnixSignal.Interrupt, UnixSignal.Terminate }.Select(signal => signal.Register(context => OnSignal(signal, context)))];

    public CancellationToken Token => cancellation.Token;

    /// <summary>The signal that came, if one did.</summary>
    public UnixSignal? Signal => Volatile.Read(ref received);

    public void Dispose()
    {
        foreach (var registration in registrations)
            registration.Dispose();
        cancellation.Dispose();
    }

    private void OnSignal(UnixSignal signal, PosixSignalContext context)
    {
        context.Cancel = true;
        if (Interlocked.CompareExchange(ref received, signal, null) is not null)
            Native.ExitAtOnce(ExitCode.SignalBase + signal.Number);
        Stdio.Note($"dscache: {signal.Name}: stopping; once more to stop at once.");
        cancellation.Cancel();
    }
}
