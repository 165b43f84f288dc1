using System.Security.Cryptography;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Hosting.Node;

/// <summary>
/// The secret of a node's local HTTP API, new at each start. Whoever may read its file may use the node: the node's own user, and the root's group where the root is a group's.
/// </summary>
internal sealed class NodeToken
{
    /// <summary>The file's name in the cache root.</summary>
    public const string FileName = "node.token";

    private readonly byte[] text;

    private NodeToken(string path, byte[] text) => (Path, this.text) = (path, text);

    public string Path { get; }

    /// <summary>Makes a new one in place of any that stands there.</summary>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public static NodeToken Create(string cacheRoot)
    {
        var path = System.IO.Path.Join(cacheRoot, FileName);
        var text = Encoding.ASCII.GetBytes(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        var temporary = path + ".tmp";
        try
        {
            File.Delete(temporary);
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite }))
                file.Write(text);
            if (GroupModes.IsShared((uint)File.GetUnixFileMode(cacheRoot)))
                File.SetUnixFileMode(temporary, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The node's token file {path} cannot be written: {e.Message}", advice: "The node must run as a user who may write the cache root.", inner: e);
        }
        return new NodeToken(path, text);
    }

    /// <returns>What stands in a token file.</returns>
    /// <exception cref="UnauthorizedAccessException">This user may not use the node.</exception>
    public static string Read(string path) => File.ReadAllText(path).Trim();

    /// <summary>Takes as long whatever is wrong.</summary>
    public bool Matches(ReadOnlySpan<char> presented)
    {
        Span<byte> bytes = stackalloc byte[text.Length];
        return presented.Length == text.Length && Encoding.UTF8.TryGetBytes(presented, bytes, out var length) && CryptographicOperations.FixedTimeEquals(bytes[..length], text);
    }
}
