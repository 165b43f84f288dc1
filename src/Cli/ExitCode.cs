namespace DatasetCache.Cli;

/// <summary>
/// What the process says when it ends. From sysexits.h where one fits, so that a script can tell our failure from that of a command under
/// <c>dscache run</c>: few programs use 64 to 78 themselves.
/// </summary>
internal static class ExitCode
{
    public const int Ok = 0;
    public const int Usage = 64;
    public const int Integrity = 65;
    public const int NotFound = 66;
    public const int OriginRejected = 68;
    public const int OriginUnreachable = 69;
    public const int Internal = 70;
    public const int NoSpace = 73;
    public const int Storage = 74;
    public const int LockTimeout = 75;
    public const int SourceChanged = 76;
    public const int AccessDenied = 77;
    public const int Configuration = 78;

    /// <summary><c>run</c>: the command is there but cannot be executed, as shells say it.</summary>
    public const int NotExecutable = 126;

    /// <summary><c>run</c>: no such command, as shells say it.</summary>
    public const int CommandNotFound = 127;

    /// <summary>Added to the number of the signal that ended us or the command under <c>run</c>.</summary>
    public const int SignalBase = 128;

    /// <summary>In the order of the help and the README.</summary>
    public static IReadOnlyList<ExitMeaning> Table { get; } =
    [
        new(Ok, "success", Retry: false),
        new(Usage, "usage: the command line makes no sense", Retry: false),
        new(Integrity, "integrity: wrong dataset version hash, hostile key, broken entry", Retry: false),
        new(NotFound, "the dataset, or an object it needs, is not at the origin", Retry: false),
        new(OriginRejected, "the origin will not have the request (HTTP 400, 405 …)", Retry: false),
        new(OriginUnreachable, "the origin could not be reached, or kept failing", Retry: true),
        new(Internal, "a defect of dscache itself", Retry: false),
        new(NoSpace, "no space: the cache's quota or the disk's free-space floor", Retry: true, "once something was freed"),
        new(Storage, "the local disk or its permissions failed", Retry: false),
        new(LockTimeout, "somebody else held the lock for too long", Retry: true),
        new(SourceChanged, "the dataset changed at the origin while it was read", Retry: true),
        new(AccessDenied, "the origin refused the credentials", Retry: false),
        new(Configuration, "a setting is missing, unreadable or contradicts another", Retry: false),
        new(NotExecutable, "run: the command cannot be executed", Retry: false),
        new(CommandNotFound, "run: no such command", Retry: false),
        new(SignalBase + 2, "SIGINT ended it; progress is kept", Retry: true),
        new(SignalBase + 15, "SIGTERM ended it; progress is kept", Retry: true),
    ];

    public static int Of(ErrorCode code) => code switch
    {
        ErrorCode.Internal => Internal,
        ErrorCode.InvalidArgument => Usage,
        ErrorCode.Configuration => Configuration,
        ErrorCode.NotFound => NotFound,
        ErrorCode.AccessDenied => AccessDenied,
        ErrorCode.OriginRejected => OriginRejected,
        ErrorCode.OriginUnreachable => OriginUnreachable,
        ErrorCode.SourceChanged => SourceChanged,
        ErrorCode.Integrity => Integrity,
        ErrorCode.NoSpace => NoSpace,
        ErrorCode.LockTimeout => LockTimeout,
        ErrorCode.StorageFailed => Storage,
        _ => throw new ArgumentOutOfRangeException(nameof(code), code, "An error code without an exit code."),
    };
}

/// <summary>One line of the table of exit codes.</summary>
internal sealed record ExitMeaning(int Code, string Meaning, bool Retry, string? RetryWhen = null);
