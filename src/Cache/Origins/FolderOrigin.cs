using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace DatasetCache.Origins;

/// <summary>
/// A plain folder (a disk, NFS, a mounted bucket). A key is a path below it; links are followed. An object's ETag is its modification time, size
/// and inode.
/// </summary>
public sealed class FolderOrigin : IOrigin
{
    private const int NoSuchFile = 2;
    private const int AccessDenied = 13;
    private const int NotADirectory = 20;
    private const int TooManyLinks = 40;

    private static readonly EnumerationOptions Everything = new() { AttributesToSkip = FileAttributes.None, IgnoreInaccessible = false };

    private readonly string root;

    /// <param name="root">An absolute path.</param>
    public FolderOrigin(string root)
    {
        this.root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        Identity = "folder:" + this.root;
    }

    public string Identity { get; }

    /// <inheritdoc/>
    /// <exception cref="IntegrityException">A name is not valid UTF-8.</exception>
    public async IAsyncEnumerable<OriginObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var found in List(prefix))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return found;
        }
    }

    public ValueTask<OriginBody> OpenReadAsync(OriginObject target, long offset, long length, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return ValueTask.FromResult<OriginBody>(FolderBody.Open(PathOf(target.Key), target, offset, length));
    }

    public void Dispose()
    {
        // Holds nothing between calls.
    }

    internal static OriginException Failed(string path, string key, int errno)
    {
        var reason = Marshal.GetPInvokeErrorMessage(errno);
        return errno switch
        {
            NoSuchFile or NotADirectory => new OriginException(OriginFailure.NotFound, $"'{path}' is not there: {reason}.", key),
            AccessDenied => new OriginException(OriginFailure.AccessDenied, $"'{path}' may not be read: {reason}.", key,
                advice: "Give this user the right to read it."),
            TooManyLinks => new OriginException(OriginFailure.Rejected, $"'{path}' leads in circles: {reason}.", key),
            _ => new OriginException(OriginFailure.ServerError, $"'{path}' cannot be read: {reason}.", key),
        };
    }

    private IEnumerable<OriginObject> List(string prefix)
    {
        var error = FileStatus.Of(root, followLinks: true, out var rootStatus);
        if (error != 0 || !rootStatus.IsDirectory)
            throw Failed(root, "", error == 0 ? NotADirectory : error);
        var start = PathOf(prefix.TrimEnd('/'));
        // As with a bucket: nothing below a prefix is an empty listing.
        error = FileStatus.Of(start, followLinks: true, out var status);
        if (error is NoSuchFile or NotADirectory || (error == 0 && !status.IsDirectory))
            return [];
        return error == 0 ? Walk(start, prefix, [status.Id]) : throw Failed(start, prefix, error);
    }

    // Depth first; the ancestors are what a link must not lead back to.
    private static IEnumerable<OriginObject> Walk(string directory, string prefix, List<(uint Major, uint Minor, ulong Inode)> ancestors)
    {
        foreach (var name in Names(directory, prefix))
        {
            var path = directory + "/" + name;
            var error = FileStatus.Of(path, followLinks: true, out var status);
            if (error != 0)
            {
                var isGone = FileStatus.Of(path, followLinks: false, out _) == NoSuchFile;
                if (isGone && name.Contains('\uFFFD', StringComparison.Ordinal))
                    throw new IntegrityException($"A name in '{directory}' is not valid UTF-8 (it looks like '{name}').", "Rename it.");
                if (isGone)
                    continue;
                throw Failed(path, prefix + name, error);
            }
            if (status.IsFile)
            {
                yield return new OriginObject(prefix + name, status.Size, status.ETag);
            }
            else if (status.IsDirectory && !ancestors.Contains(status.Id))
            {
                ancestors.Add(status.Id);
                foreach (var below in Walk(path, prefix + name + "/", ancestors))
                    yield return below;
                ancestors.RemoveAt(ancestors.Count - 1);
            }
        }
    }

    private static string[] Names(string directory, string prefix)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries(directory, "*", Everything).Select(path => Path.GetFileName(path)!)];
        }
        catch (UnauthorizedAccessException)
        {
            throw Failed(directory, prefix, AccessDenied);
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
        catch (IOException e)
        {
            throw new OriginException(OriginFailure.ServerError, $"'{directory}' cannot be listed: {e.Message}", prefix, inner: e);
        }
    }

    private string PathOf(string key)
    {
        if (key.Length == 0)
            return root;
        if (key.Contains('\0', StringComparison.Ordinal) || key.Split('/').Any(part => part is "" or "." or ".."))
            throw new IntegrityException($"'{key}' is no path below '{root}'.");
        return root + "/" + key;
    }
}
