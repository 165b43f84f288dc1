using System.Runtime.InteropServices;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Store;

public sealed partial class FileLockTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly DirectoryHandle directory;

    public FileLockTests() => directory = new FileSystem().OpenRoot(folder.Path);

    public void Dispose()
    {
        directory.Dispose();
        folder.Dispose();
    }

    private Task<FileLock?> TakeAsync(TimeSpan? timeout = null, CancellationToken cancellationToken = default)
        => FileLock.TakeAsync(directory, "x.lock", timeout ?? TimeSpan.FromSeconds(60), TimeProvider.System, cancellationToken);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_waiter_gets_the_lock_when_it_is_let_go_even_if_its_file_is_removed(bool remove)
    {
        var first = FileLock.TryTake(directory, "x.lock")!;
        Assert.Null(FileLock.TryTake(directory, "x.lock"));
        var waiters = Enumerable.Range(0, 5).Select(_ => TakeAsync()).ToArray();
        Assert.DoesNotContain(waiters, waiter => waiter.IsCompleted);
        var holders = 0;
        var all = Task.WhenAll(waiters.Select(async waiter =>
        {
            var held = await waiter;
            Assert.Equal(1, Interlocked.Increment(ref holders));
            await Task.Yield();
            Interlocked.Decrement(ref holders);
            LetGo(held!);
        }));
        LetGo(first);
        await all.WaitAsync(TimeSpan.FromSeconds(30));

        void LetGo(FileLock held)
        {
            if (remove)
                held.Release();
            else
                held.Dispose();
        }
    }

    [Fact]
    public void A_process_that_is_being_started_does_not_keep_a_lock_that_was_let_go()
    {
        var held = directory.OpenOrCreate("y.lock", 0x1B6);
        Assert.True(held.TryLock(exclusive: true));
        // What a fork leaves the child until it becomes its own program.
        using var inherited = new Microsoft.Win32.SafeHandles.SafeFileHandle(Duplicate(held.Fd), ownsHandle: true);
        using var next = directory.OpenOrCreate("y.lock", 0x1B6);
        Assert.False(next.TryLock(exclusive: true));
        held.Dispose();
        Assert.True(next.TryLock(exclusive: true));
    }

    [LibraryImport("libc", EntryPoint = "dup")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Duplicate(int fd);

    [Fact]
    public async Task Waiting_ends_when_the_time_is_up()
    {
        using var held = FileLock.TryTake(directory, "x.lock");
        Assert.Null(await TakeAsync(TimeSpan.FromMilliseconds(20)));
    }

    [Fact]
    public async Task A_waiter_that_gave_up_does_not_keep_the_lock()
    {
        var held = FileLock.TryTake(directory, "x.lock")!;
        using var cancel = new CancellationTokenSource();
        var waiter = TakeAsync(cancellationToken: cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiter);
        held.Dispose();
        using var next = await TakeAsync();
        Assert.NotNull(next);
    }
}
