namespace DatasetCache.Testing;

/// <summary>A folder of its own that goes away with the test, read-only parts included.</summary>
public sealed class TempFolder : IDisposable
{
    public TempFolder(string? below = null) => Path = below is null
        ? Directory.CreateTempSubdirectory("dscache-test-").FullName
        : Directory.CreateDirectory(System.IO.Path.Combine(below, "dscache-test-" + System.IO.Path.GetRandomFileName())).FullName;

    public string Path { get; }

    /// <summary>A path below the folder; nothing is created.</summary>
    public string this[string relative] => System.IO.Path.Combine(Path, relative);

    public string Write(string relative, string text) => Write(relative, System.Text.Encoding.UTF8.GetBytes(text));

    public string Write(string relative, ReadOnlySpan<byte> bytes)
    {
        var path = this[relative];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public string CreateDirectory(string relative) => Directory.CreateDirectory(this[relative]).FullName;

    public void Dispose()
    {
        if (!Directory.Exists(Path))
            return;
        // A sealed snapshot refuses deletion to anyone but root.
        foreach (var directory in Directory.EnumerateDirectories(Path, "*", new EnumerationOptions
        {
            RecurseSubdirectories = true,
            AttributesToSkip = FileAttributes.ReparsePoint,
            IgnoreInaccessible = true,
        }))
        {
            File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        Directory.Delete(Path, recursive: true);
    }
}
