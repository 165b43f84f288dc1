using System.Runtime.InteropServices;

namespace DatasetCache.Cache.Tests.Integrity;

/// <summary>Which pages of a file are in the page cache (mincore).</summary>
internal static partial class Residency
{
    private const int ReadOnly = 1, Shared = 1, DontNeed = 4, Page = 4096;

    public static int Of(string path)
    {
        using var file = File.OpenHandle(path);
        var length = (nuint)RandomAccess.GetLength(file);
        var address = MMap(0, length, ReadOnly, Shared, (int)file.DangerousGetHandle(), 0);
        Assert.NotEqual(-1, address);
        var pages = new byte[((int)length + Page - 1) / Page];
        var result = MInCore(address, length, pages);
        _ = MUnmap(address, length);
        Assert.Equal(0, result);
        return pages.Count(page => (page & 1) != 0);
    }

    public static void Drop(string path)
    {
        using var file = File.OpenHandle(path);
        Assert.Equal(0, FAdvise((int)file.DangerousGetHandle(), 0, 0, DontNeed));
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    private static partial nint MMap(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "mincore")]
    private static partial int MInCore(nint address, nuint length, [Out] byte[] pages);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int FAdvise(int file, long offset, long length, int advice);
}
