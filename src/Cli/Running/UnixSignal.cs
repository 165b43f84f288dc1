using System.Runtime.InteropServices;

namespace DatasetCache.Cli.Running;

/// <summary>A signal with its number on Linux, the same on x64 and arm64.</summary>
internal sealed record UnixSignal(int Number, string Name)
{
    public static UnixSignal HangUp { get; } = new(1, "SIGHUP");

    public static UnixSignal Interrupt { get; } = new(2, "SIGINT");

    public static UnixSignal Quit { get; } = new(3, "SIGQUIT");

    public static UnixSignal User1 { get; } = new(10, "SIGUSR1");

    public static UnixSignal User2 { get; } = new(12, "SIGUSR2");

    public static UnixSignal Terminate { get; } = new(15, "SIGTERM");

    public static UnixSignal Continue { get; } = new(18, "SIGCONT");

    public static UnixSignal WindowChanged { get; } = new(28, "SIGWINCH");

    /// <summary>PosixSignal's own members are negative; a positive value is taken as the raw number.</summary>
    public PosixSignalRegistration Register(Action<PosixSignalContext> handler) => PosixSignalRegistration.Create((PosixSignal)Number, handler);
}
