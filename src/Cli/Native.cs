using System.Runtime.InteropServices;

namespace DatasetCache.Cli;

/// <summary>The few calls of libc that .NET does not offer.</summary>
internal static partial class Native
{
    public const int ExecutePermission = 1;

    public const int WritePermission = 2;

    [LibraryImport("libc", EntryPoint = "_exit")]
    public static partial void ExitAtOnce(int status);

    /// <summary>Becomes another program; returns only where that failed.</summary>
    /// <param name="arguments">Its own name first, and null last.</param>
    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Execute(string path, string?[] arguments);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "getpgrp")]
    public static partial int ProcessGroup();

    [LibraryImport("libc", EntryPoint = "tcgetpgrp", SetLastError = true)]
    public static partial int ForegroundGroup(SafeHandle terminal);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Access(string path, int mode);

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int HardLink(string existing, string created);

    /// <summary>The user id that owns <paramref name="path"/>, or null where it cannot be read.</summary>
    public static uint? Owner(string path)
    {
        // struct statx is the same on every architecture: 256 bytes, stx_uid at 20.
        Span<byte> buffer = stackalloc byte[256];
        const int currentDirectory = -100;
        const uint ownerOnly = 0x8;
        return Statx(currentDirectory, path, 0, ownerOnly, buffer) == 0 ? BitConverter.ToUInt32(buffer[20..24]) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, Span<byte> result);
}
