using DatasetCache.Store;

namespace DatasetCache.Moving;

/// <summary>An archive on its way to a file: written beside it as <c>FILE.partial</c> and renamed when it is whole and on the disk.</summary>
internal static class ArchiveFile
{
    /// <param name="path">Absolute. A device, a pipe or a link is written to as it is.</param>
    /// <exception cref="StorageException">The folder is not there, or cannot be written to.</exception>
    public static T Write<T>(string path, Func<Stream, T> content)
    {
        var name = Path.GetFileName(path);
        using var folder = new FileSystem().OpenRoot(Path.GetDirectoryName(path) ?? "/");
        var there = name.Length == 0 ? folder.Status() : folder.Status(name);
        if (there is { IsDirectory: true })
            throw new InvalidRequestException($"{path} is a folder.", "Name a file in it, or - for standard output.");
        if (there is { IsRegularFile: false })
        {
            try
            {
                using var stream = File.Open(path, FileMode.Open, FileAccess.Write);
                return content(stream);
            }
            catch (IOException e)
            {
                throw new StorageException($"{path} cannot be written: {e.Message}", inner: e);
            }
        }
        return Replace(folder, name, content);
    }

    private static T Replace<T>(DirectoryHandle folder, string name, Func<Stream, T> content)
    {
        var partial = name + ".partial";
        using (var old = folder.TryOpenWritable(partial))
        {
            if (old is not null && !old.TryLock(exclusive: true))
                throw new LockTimeoutException($"Another process is writing {Path.Join(folder.Path, partial)}.", "Wait for it, or name another file.");
            folder.Delete(partial);
        }
        var file = folder.Create(partial, 0x1B6 /* 0666 less umask */);
        using var output = new ArchiveOutput(file);
        try
        {
            file.TryLock(exclusive: true);
            var result = content(output);
            file.Sync();
            if (folder.Status(partial) is not { } named || !named.IsSameFile(file.Status()))
                throw new StorageException($"Somebody put something else in the place of {Path.Join(folder.Path, partial)}.");
            folder.Move(partial, folder, name);
            folder.Sync();
            return result;
        }
        catch
        {
            if (folder.Status(partial) is { } named && named.IsSameFile(file.Status()))
                folder.Delete(partial);
            throw;
        }
    }
}
