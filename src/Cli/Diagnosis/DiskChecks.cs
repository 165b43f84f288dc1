using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Diagnosis;

/// <summary>The cache root and its file system.</summary>
internal static class DiskChecks
{
    // Where flock may say yes and mean nothing, or does not reach other hosts.
    private static readonly string[] SharedFileSystems = ["nfs", "nfs4", "lustre", "cifs", "smb2", "smb", "fuse", "fuseblk", "gpfs", "ceph", "beegfs", "9p"];

    public static IEnumerable<Finding> Run(CacheOptions options)
    {
        var existed = Directory.Exists(options.Root);
        if (existed)
            yield return OwnershipCheck.Of(options.Root);
        var probe = Attempt("cache root", () => Prepare(options.Root));
        yield return probe.Finding;
        if (probe.Folder is not { } folder)
            yield break;
        try
        {
            if (!existed)
                yield return OwnershipCheck.Of(options.Root);
            yield return FileSystem(options.Root);
            yield return Space(options);
            yield return Attempt("rename", () => (Rename(folder), folder)).Finding;
            yield return Attempt("hard links", () => (HardLinks(folder), folder)).Finding;
            yield return Attempt("locks", () => (Locks(folder), folder)).Finding;
            yield return Attempt("permissions", () => (Permissions(folder), folder)).Finding;
            yield return ProtectedHardLinks(options.Root);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static (Finding Finding, string? Folder) Attempt(string check, Func<(Finding, string)> run)
    {
        try
        {
            return run();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return (Finding.Fail(check, exception), null);
        }
    }

    private static (Finding, string) Prepare(string root)
    {
        var existed = Directory.Exists(root);
        try
        {
            Directory.CreateDirectory(root);
            var folder = Directory.CreateDirectory(Path.Combine(root, $".doctor-{Environment.ProcessId}")).FullName;
            File.WriteAllBytes(Path.Combine(folder, "written"), new byte[8192]);
            return (Finding.Ok("cache root", $"{root} {(existed ? "exists" : "was created")} and can be written"), folder);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"{root} cannot be written: {exception.Message}", exception);
        }
    }

    private static Finding FileSystem(string root)
    {
        var type = new DriveInfo(root).DriveFormat;
        return SharedFileSystems.Contains(type, StringComparer.OrdinalIgnoreCase) || type.StartsWith("fuse", StringComparison.OrdinalIgnoreCase)
            ? Finding.Warn("file system", $"{type}: locks (flock) may say yes and mean nothing here", "Put DSCACHE_ROOT on a local disk (ext4, xfs).")
            : Finding.Ok("file system", type);
    }

    private static Finding Space(CacheOptions options)
    {
        var disk = new DriveInfo(options.Root);
        var floor = options.MinFree.OnDisk(disk.TotalSize);
        var usable = disk.AvailableFreeSpace - floor;
        var detail = $"{Display.Size(disk.AvailableFreeSpace)} free of {Display.Size(disk.TotalSize)}; the floor is {Display.Size(floor)}, the quota {Display.Size(options.MaxSize)}";
        if (usable <= 0)
            return Finding.Fail("free space", detail, "Free some space, lower cache.minFree, or move DSCACHE_ROOT to a larger disk.", ErrorCode.NoSpace);
        return usable < options.MaxSize
            ? Finding.Warn("free space", detail, "The disk fills before the quota does: that works, but the cache will hold less than cache.maxSize says.")
            : Finding.Ok("free space", detail);
    }

    private static Finding Rename(string folder)
    {
        var staging = Directory.CreateDirectory(Path.Combine(folder, "staging")).FullName;
        Directory.Move(staging, Path.Combine(folder, "published"));
        return Finding.Ok("rename", "a folder is renamed in one step");
    }

    private static Finding HardLinks(string folder)
    {
        var file = Path.Combine(folder, "written");
        return Native.HardLink(file, Path.Combine(folder, "linked")) == 0
            ? Finding.Ok("hard links", "work: unchanged files are shared between versions")
            : Finding.Warn("hard links", $"do not work here: {System.Runtime.InteropServices.Marshal.GetLastPInvokeErrorMessage()}",
                "It works without: unchanged files are copied, and take their space again.");
    }

    private static Finding Locks(string folder)
    {
        var file = Path.Combine(folder, "lock");
        using var holder = new FileStream(file, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        try
        {
            // FileShare.None is flock; a second open file description must be refused even within one process.
            using var second = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return Finding.Fail("locks", "flock is granted twice", "Put DSCACHE_ROOT on a local disk, mounted with locks.", ErrorCode.StorageFailed);
        }
        catch (IOException)
        {
            return Finding.Ok("locks", "flock excludes");
        }
    }

    private static Finding Permissions(string folder)
    {
        var file = Path.Combine(folder, "written");
        const UnixFileMode readOnly = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        File.SetUnixFileMode(file, readOnly);
        return File.GetUnixFileMode(file) == readOnly
            ? Finding.Ok("permissions", Native.EffectiveUser() == 0
                ? "files can be sealed read-only (root, as whom this runs, can still write: mount the cache read-only into containers)"
                : "files can be sealed read-only")
            : Finding.Warn("permissions", "modes are not kept on this file system", "Datasets cannot be sealed read-only here; use a local ext4 or xfs.");
    }

    private static Finding ProtectedHardLinks(string root)
    {
        const string file = "/proc/sys/fs/protected_hardlinks";
        var on = File.Exists(file) && File.ReadAllText(file).Trim() is not "0";
        if (!on)
            return Finding.Ok("link rules", "protected_hardlinks is off");
        return Native.Owner(root) is { } owner && owner != Native.EffectiveUser() && Native.EffectiveUser() != 0
            ? Finding.Warn("link rules", "protected_hardlinks is on and the cache belongs to another user: their read-only files cannot be linked",
                "It works without: files are copied, and take their space again.")
            : Finding.Ok("link rules", "protected_hardlinks is on, and does not matter to the cache's owner");
    }
}
