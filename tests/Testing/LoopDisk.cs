using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DatasetCache.Testing;

/// <summary>An ext4 file system of its own in a file, for what cannot be done to the machine's: fill it, cut its power. Needs root, mkfs.ext4 and loop devices.</summary>
public sealed partial class LoopDisk : IDisposable
{
    private const uint Shutdown = 0x8004587D; // EXT4_IOC_SHUTDOWN
    private const uint WithoutFlushingTheLog = 2;

    private readonly TempFolder folder = new();

    private LoopDisk()
    {
    }

    /// <summary>Where it is mounted.</summary>
    public string Path => folder["disk"];

    /// <summary>The file that holds it.</summary>
    public string Image => folder["image"];

    /// <summary>Makes and mounts one, or gives null where this machine does not let us.</summary>
    /// <param name="makeOptions">For mkfs.ext4, for example <c>-N 300</c> for few inodes.</param>
    public static async Task<LoopDisk?> TryCreateAsync(long bytes, params string[] makeOptions)
    {
        if (!Environment.IsPrivilegedProcess)
            return null;
        var disk = new LoopDisk();
        disk.folder.CreateDirectory("disk");
        using (var image = File.Create(disk.Image))
            image.SetLength(bytes);
        if (await RunAsync("mkfs.ext4", ["-q", "-m", "0", .. makeOptions, disk.Image]) && await disk.MountAsync())
            return disk;
        disk.Dispose();
        return null;
    }

    private Task<bool> MountAsync(string onError = "remount-ro") => RunAsync("mount", ["-o", "loop,errors=" + onError, Image, Path]);

    /// <summary>What was written to this disk is on it.</summary>
    public async Task SyncAsync()
    {
        if (!await RunAsync("sync", ["-f", Path]))
            throw new InvalidOperationException($"{Path} cannot be synced.");
    }

    /// <summary>Unmounts and mounts again, also what an error has made read-only. Nothing may be open on it.</summary>
    public async Task RemountAsync()
    {
        if (!await RunAsync("umount", [Path]) || !await MountAsync("continue"))
            throw new InvalidOperationException($"{Path} cannot be mounted again.");
    }

    /// <summary>The power goes, and comes back: what was not synced is lost. Nothing of ours may be open on the disk.</summary>
    public async Task CutPowerAsync()
    {
        var descriptor = Open(Path, 0);
        var flags = WithoutFlushingTheLog;
        var failed = IoCtl(descriptor, Shutdown, ref flags) != 0;
        var error = Marshal.GetLastPInvokeError();
        Close(descriptor);
        if (failed)
            throw new InvalidOperationException($"EXT4_IOC_SHUTDOWN: errno {error}");
        await RemountAsync();
    }

    private static async Task<bool> RunAsync(string program, string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false })!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    public void Dispose()
    {
        using (var unmount = Process.Start(new ProcessStartInfo("umount", ["-l", Path]) { RedirectStandardError = true, UseShellExecute = false })!)
            unmount.WaitForExit();
        folder.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int IoCtl(int descriptor, nuint request, ref uint argument);
}
