using System.Globalization;
using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary><c>JOB_DIR/dataset</c>: what a job opens, and what keeps its dataset from being evicted for as long as it stands.</summary>
/// <param name="root">The cache root's absolute path.</param>
/// <param name="register">Where links are registered: the root itself, or the node that owns it.</param>
internal sealed class JobLink(string root, ILinkRegister register)
{
    public const string Name = "dataset";

    /// <summary>Makes or renews the link of a job, and registers it. The caller holds a lease on the entry.</summary>
    /// <returns>The link's path.</returns>
    /// <exception cref="InvalidRequestException">Something of the user's stands in its place; nothing was touched.</exception>
    /// <exception cref="NoSpaceException">The job's disk is full; what was copied stays for the next call to go on with.</exception>
    public async ValueTask<string> MakeAsync(string jobDirectory, string cacheKey, LinkMode mode, string? jobId, CancellationToken cancellationToken)
    {
        var directory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(jobDirectory));
        var link = Path.Join(directory, Name);
        var target = CacheRoot.SnapshotPath(root, cacheKey);
        if (IsBelow(directory, root))
            throw new InvalidRequestException($"The job directory {directory} lies inside the cache root {root}.", "Choose a directory outside the cache.");
        FileLock? held = null;
        try
        {
            Directory.CreateDirectory(directory);
            // Several ranks of a job ask at once: one of them makes its directory, the others wait and find it made.
            if (mode != LinkMode.Symlink)
                held = await register.LockAsync(link, cancellationToken);
            RefuseStranger(link, cacheKey, mode);
            if (mode == LinkMode.Symlink)
            {
                MakeSymlink(target, link);
                await register.RegisterAsync(link, cacheKey, mode, jobId, default, cancellationToken);
            }
            else
            {
                await BeginDirectoryAsync(directory, link, made => register.RegisterAsync(link, cacheKey, mode, jobId, made, cancellationToken));
                Fill(target, link, mode == LinkMode.Tree ? MakeSymlink : CopyWritable, cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw e.HResult is Syscalls.ENOSPC or Syscalls.EDQUOT
                ? new NoSpaceException($"The disk of {link} is full: {e.Message}", 0, 0, "Free space there, or use --link symlink, which takes none.", e)
                : new StorageException($"The job's link {link} cannot be made: {e.Message}", advice: "Check that the job directory is yours to write.", inner: e);
        }
        finally
        {
            held?.Release();
        }
        return link;
    }

    // Registered before it has its name and anything in it: one that a kill or a full disk left half-filled is known for ours, and gone on with.
    private async ValueTask BeginDirectoryAsync(string jobDirectory, string link, Func<FileStatus, ValueTask> registerAsync)
    {
        if (StatusOf(link) is { } there)
        {
            await registerAsync(there);
            return;
        }
        var temporary = TemporaryIn(jobDirectory);
        Directory.CreateDirectory(temporary);
        var made = StatusOf(temporary)!.Value;
        if (!register.LooksAtLinks)
            await registerAsync(made);
        JobFiles.Retry("rename", link, () => Syscalls.RenameAt(Syscalls.AtFdCwd, temporary, Syscalls.AtFdCwd, link));
        if (register.LooksAtLinks)
            await registerAsync(made);
    }

    // Not made from the name beside it, which may be as long as a name can be.
    private static string TemporaryIn(string directory)
        => Path.Join(directory, string.Create(CultureInfo.InvariantCulture, $".dscache-{Environment.ProcessId:x}-{Environment.CurrentManagedThreadId:x}.tmp"));

    /// <summary>Removes a job's link; whoever calls then has it forgotten. What the user put into a <see cref="LinkMode.Tree"/> stays.</summary>
    public ReleaseResult Remove(string jobDirectory)
    {
        var link = Path.Join(Path.TrimEndingDirectorySeparator(Path.GetFullPath(jobDirectory)), Name);
        var record = register.Find(link);
        var status = StatusOf(link);
        if (status is null)
            return new ReleaseResult(link, record?.CacheKey, Removed: false, KeptFiles: 0);
        if (status.Value.IsSymbolicLink)
        {
            var target = new FileInfo(link).LinkTarget!;
            if (!IsBelow(target, Path.Join(root, "snapshots")))
                throw new InvalidRequestException($"{link} points at {target}, which is not in the cache root {root}. Nothing was removed.", "Was it made with another --root?");
            File.Delete(link);
            return new ReleaseResult(link, Path.GetFileName(target), Removed: true, KeptFiles: 0);
        }
        if (record is null || !IsOurs(record, status.Value))
            throw new InvalidRequestException($"{link} is a directory that this cache did not make. Nothing was removed.");
        var kept = record.Mode == LinkMode.Tree ? RemoveLinks(link) : 0;
        if (record.Mode == LinkMode.Copy)
            Directory.Delete(link, recursive: true);
        return new ReleaseResult(link, record.CacheKey, Removed: kept == 0, kept);
    }

    /// <summary>Whether a registered link still stands and still means its entry.</summary>
    public static bool Stands(CacheRoot root, RootRecord record) => StatusOf(record.Link) is { } status && record.Mode switch
    {
        LinkMode.Symlink => status.IsSymbolicLink && string.Equals(new FileInfo(record.Link).LinkTarget, root.SnapshotPath(record.CacheKey), StringComparison.Ordinal),
        LinkMode.Tree => IsOurs(record, status),
        _ => false, // A copy needs nobody's protection.
    };

    private void RefuseStranger(string link, string cacheKey, LinkMode mode)
    {
        if (StatusOf(link) is not { } status || (status.IsSymbolicLink && mode == LinkMode.Symlink))
            return;
        if (status.IsSymbolicLink)
        {
            File.Delete(link);
            return;
        }
        var record = register.Find(link);
        if (status.IsDirectory && mode != LinkMode.Symlink && record is not null && IsOurs(record, status)
            && record.Mode == mode && string.Equals(record.CacheKey, cacheKey, StringComparison.Ordinal))
            return;
        var what = !status.IsDirectory ? "a file" : record is not null && IsOurs(record, status) ? $"a {(record.Mode == LinkMode.Tree ? "tree" : "copy")} of {record.CacheKey}" : "a real directory";
        throw new InvalidRequestException($"{link} is {what}, not a link. Nothing was deleted.",
            record is not null ? "Run `dscache release` on the job directory first." : "Move it away, or choose another job directory.");
    }

    private static void MakeSymlink(string target, string link)
    {
        if (StatusOf(link) is { IsSymbolicLink: true } && string.Equals(new FileInfo(link).LinkTarget, target, StringComparison.Ordinal))
            return;
        var temporary = TemporaryIn(Path.GetDirectoryName(link)!);
        File.Delete(temporary);
        File.CreateSymbolicLink(temporary, target);
        try
        {
            // File.Move refuses a link to a directory as a file.
            JobFiles.Retry("rename", link, () => Syscalls.RenameAt(Syscalls.AtFdCwd, temporary, Syscalls.AtFdCwd, link));
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    private static void Fill(string from, string to, Action<string, string> place, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in new DirectoryInfo(from).EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = default }))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var target = Path.Join(to, entry.Name);
            if (entry is DirectoryInfo)
                Fill(entry.FullName, target, place, cancellationToken);
            else
                place(entry.FullName, target);
        }
    }

    // By way of a temporary name, so that a copy cut short is not taken for a whole one next time.
    private static void CopyWritable(string from, string to)
    {
        if (File.Exists(to))
            return;
        // One name for all: what a kill left of the last copy is replaced by the next.
        var temporary = Path.Join(Path.GetDirectoryName(to), ".dscache-copy.tmp");
        File.Delete(temporary);
        File.Copy(from, temporary);
        File.SetUnixFileMode(temporary, (UnixFileMode)0x1A4);
        File.Move(temporary, to);
    }

    // Returns how many files of the user's own it left.
    private int RemoveLinks(string directory)
    {
        var kept = 0;
        foreach (var entry in new DirectoryInfo(directory).EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = default }))
        {
            if (entry.LinkTarget is { } target && IsBelow(target, Path.Join(root, "snapshots")))
                entry.Delete();
            else if (entry is DirectoryInfo && entry.LinkTarget is null)
                kept += RemoveLinks(entry.FullName);
            else
                kept++;
        }
        if (kept == 0)
            Directory.Delete(directory);
        return kept;
    }

    private static bool IsOurs(RootRecord record, FileStatus status) => status.IsDirectory && record.Inode == status.Inode && record.Device == status.Device
        // A file system gives the number of a deleted directory to the next one, which may be the user's own.
        && (record.Born == 0 || record.Born == status.Born);

    private static bool IsBelow(string path, string directory)
        => path.StartsWith(directory, StringComparison.Ordinal) && (path.Length == directory.Length || path[directory.Length] == '/');

    private static readonly FileSystem JobFiles = new();

    private static FileStatus? StatusOf(string path) => DirectoryHandle.StatusOf(JobFiles, Syscalls.AtFdCwd, path, Syscalls.AtSymlinkNoFollow, path);
}
