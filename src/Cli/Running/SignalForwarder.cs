using System.Runtime.InteropServices;

namespace DatasetCache.Cli.Running;

/// <summary>
/// Passes our signals on to the command under <c>dscache run</c>. What a terminal sends (Ctrl-C, Ctrl-\, a new window size) the kernel
/// delivers to the whole foreground group, the command included: while we are in it, these are not sent a second time.
/// </summary>
internal sealed class SignalForwarder : IDisposable
{
    private static readonly UnixSignal[] FromTerminal = [UnixSignal.Interrupt, UnixSignal.Quit, UnixSignal.WindowChanged];

    private static readonly UnixSignal[] Always =
        [UnixSignal.Terminate, UnixSignal.HangUp, UnixSignal.User1, UnixSignal.User2, UnixSignal.Continue];

    private readonly Lock gate = new();
    private readonly PosixSignalRegistration[] registrations;
    private readonly Queue<UnixSignal> early = new();
    private int? child;

    public SignalForwarder() =>
        registrations = [.. FromTerminal.Select(signal => Register(signal, mayBeDelivered: true)), .. Always.Select(signal => Register(signal, mayBeDelivered: false))];

    /// <summary>Sends what has come so far, and from now on everything as it comes.</summary>
    public void Start(int processId)
    {
        lock (gate)
        {
            child = processId;
            while (early.TryDequeue(out var signal))
                _ = Native.Kill(processId, signal.Number);
        }
    }

    /// <summary>Its process id may belong to somebody else from now on.</summary>
    public void Stop()
    {
        lock (gate)
            child = null;
    }

    public void Dispose()
    {
        Stop();
        foreach (var registration in registrations)
            registration.Dispose();
    }

    private PosixSignalRegistration Register(UnixSignal signal, bool mayBeDelivered) => signal.Register(context =>
    {
        context.Cancel = true;
        if (mayBeDelivered && InForeground())
            return;
        lock (gate)
        {
            if (child is { } processId)
                _ = Native.Kill(processId, signal.Number);
            else
                early.Enqueue(signal);
        }
    });

    private static bool InForeground()
    {
        try
        {
            using var terminal = File.OpenHandle("/dev/tty");
            return Native.ForegroundGroup(terminal) == Native.ProcessGroup();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // No controlling terminal: batch systems, containers, services.
            return false;
        }
    }
}
