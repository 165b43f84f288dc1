namespace DatasetCache.Testing;

/// <summary>The working copy that these tests were built from.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    /// <summary>The absolute path of a file of the repository.</summary>
    public static string File(string relative) => Path.Combine(Root, relative);

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "DatasetCache.sln")))
                return folder.FullName;
        }
        throw new InvalidOperationException($"There is no DatasetCache.sln above {AppContext.BaseDirectory}.");
    }
}
