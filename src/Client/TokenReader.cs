using DatasetCache.Configuration;
using DatasetCache.Hosting.Node;
using DatasetCache.Store;

namespace DatasetCache.Client;

/// <summary>Finds the node's token: what shows the node that this process may use it. New at each start of the node.</summary>
internal sealed class TokenReader(DatasetCacheClientOptions options)
{
    private const string Advice = "A node lets in its own user, and the cache root's group where the root is a group's: run the job as one of them, or name the file in DatasetCacheClientOptions.TokenFile.";

    /// <exception cref="NodeException">There is a file, and this user may not read it.</exception>
    /// <exception cref="IOException">There is none now: the node is not there.</exception>
    public string Read()
    {
        var path = options.TokenFile is { } given ? Path.GetFullPath(given) : Find();
        try
        {
            return NodeToken.Read(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new NodeException(ErrorCode.AccessDenied, $"The node's token {path} cannot be read by this user ({Environment.UserName}), so the node will not serve it.", Advice, isWorthRetrying: false, e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new IOException($"There is no token at {path}, which the node makes when it starts.", e);
        }
    }

    private string Find()
    {
        var root = options.CacheRoot ?? DefaultRoot();
        return NodeLock.Find(root) is { } node
            ? node.TokenFile ?? Path.Join(root, NodeToken.FileName)
            : throw new IOException($"No node has the cache root {root} (DatasetCacheClientOptions.CacheRoot, or else DSCACHE_ROOT or cache.root of dscache.json, as for dscache).");
    }

    private static string DefaultRoot()
    {
        Func<string, string?> environment = Environment.GetEnvironmentVariable;
        return Settings.Load(new Dictionary<string, string>(StringComparer.Ordinal), environment, Settings.ConfigFiles(environment)).Cache.Root;
    }
}
