namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>What disks, people and bugs do to files at rest.</summary>
internal static class Damage
{
    /// <summary>Flips one bit and leaves all else, times included, as it was.</summary>
    public static void FlipBit(string path, long offset) => Changing(path, () =>
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        var one = new byte[1];
        RandomAccess.Read(file, one, offset);
        one[0] ^= 4;
        RandomAccess.Write(file, one, offset);
    });

    public static void SetLength(string path, long length) => Changing(path, () =>
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.SetLength(file, length);
    });

    public static void Delete(string path) => InFolder(path, () => File.Delete(path));

    public static void Plant(string path) => InFolder(path, () => File.WriteAllText(path, "planted"));

    public static void PutFolder(string path) => InFolder(path, () =>
    {
        File.Delete(path);
        Directory.CreateDirectory(path);
    });

    public static void PutFile(string path) => InFolder(path, () =>
    {
        Directory.Delete(path);
        File.WriteAllText(path, "stranger");
    });

    private static void Changing(string path, Action change)
    {
        var (mode, time) = (File.GetUnixFileMode(path), File.GetLastWriteTimeUtc(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        change();
        File.SetLastWriteTimeUtc(path, time);
        File.SetUnixFileMode(path, mode);
    }

    private static void InFolder(string path, Action change)
    {
        var folder = Path.GetDirectoryName(path)!;
        var mode = File.GetUnixFileMode(folder);
        File.SetUnixFileMode(folder, mode | UnixFileMode.UserWrite);
        change();
        File.SetUnixFileMode(folder, mode);
    }
}
