using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace DatasetCache.Origins;

/// <summary>What the kernel says of a file, to the nanosecond: .NET's own calls round times and hide inodes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal partial struct FileStatus
{
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000;
    private const int NoFollow = 0x100;
    private const uint BasicStats = 0x7ff;

    // struct statx is the same on every architecture, which struct stat is not.
    [FieldOffset(28)] private readonly ushort mode;
    [FieldOffset(32)] private readonly ulong inode;
    [FieldOffset(40)] private readonly ulong size;
    [FieldOffset(112)] private readonly long modifiedSeconds;
    [FieldOffset(120)] private readonly uint modifiedNanoseconds;
    [FieldOffset(136)] private readonly uint deviceMajor;
    [FieldOffset(140)] private readonly uint deviceMinor;

    public readonly bool IsDirectory => (mode & 0xF000) == 0x4000;

    public readonly bool IsFile => (mode & 0xF000) == 0x8000;

    public readonly long Size => (long)size;

    public readonly (uint Major, uint Minor, ulong Inode) Id => (deviceMajor, deviceMinor, inode);

    /// <summary>Names this version of the file: <c>{mtime ns hex}-{size hex}-{inode}</c>.</summary>
    public readonly string ETag => string.Create(CultureInfo.InvariantCulture,
        $"{(Int128)modifiedSeconds * 1_000_000_000 + modifiedNanoseconds:x}-{size:x}-{inode}");

    /// <summary>0, or errno.</summary>
    public static int Of(string path, bool followLinks, out FileStatus status) =>
        Statx(CurrentDirectory, path, followLinks ? 0 : NoFollow, BasicStats, out status) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>0, or errno.</summary>
    public static int Of(SafeFileHandle handle, out FileStatus status) =>
        Statx(handle, "", EmptyPath, BasicStats, out status) == 0 ? 0 : Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int directory, string path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle handle, string path, int flags, uint mask, out FileStatus status);
}
