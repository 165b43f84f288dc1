namespace DatasetCache.Store;

/// <summary>
/// An exclusive lock between threads and processes, as a flock'd file: a dead owner's lock is free at once, and a waiter wakes at once.
/// </summary>
internal sealed class FileLock : IDisposable
{
    private readonly DirectoryHandle directory;
    private readonly string name;
    private readonly FileHandle file;

    private FileLock(DirectoryHandle directory, string name, FileHandle file)
    {
        this.directory = directory;
        this.name = name;
        this.file = file;
    }

    /// <summary>Takes the lock if nobody has it.</summary>
    public static FileLock? TryTake(DirectoryHandle directory, string name)
    {
        while (true)
        {
            var file = directory.OpenOrCreate(name, 0x1B6 /* 0666 less umask */);
            if (!TryLockOrClose(file))
                return null;
            if (Keep(directory, name, file) is { } held)
                return held;
        }
    }

    /// <summary>Takes the lock, waiting for at most <paramref name="timeout"/>.</summary>
    /// <returns>The lock, or null when the time was up.</returns>
    public static async Task<FileLock?> TakeAsync(DirectoryHandle directory, string name, TimeSpan timeout, TimeProvider time, CancellationToken cancellationToken)
    {
        if (TryTake(directory, name) is { } free)
            return free;
        using var deadline = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellationToken);
        while (true)
        {
            var file = directory.OpenOrCreate(name, 0x1B6);
            try
            {
                await WaitAsync(file, either.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return null;
            }
            if (Keep(directory, name, file) is { } held)
                return held;
        }
    }

    // flock cannot be interrupted: a thread of its own waits, and whoever gives up leaves it behind to let go again.
    private static async Task WaitAsync(FileHandle file, CancellationToken cancellationToken)
    {
        var taken = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                file.Lock(exclusive: true);
                if (!taken.TrySetResult())
                    file.Dispose();
            }
            catch (Exception e)
            {
                file.Dispose();
                taken.TrySetException(e);
            }
        })
        { IsBackground = true, Name = "waits for a lock" }.Start();
        using (cancellationToken.Register(() => taken.TrySetCanceled(cancellationToken)))
            await taken.Task;
    }

    private static bool TryLockOrClose(FileHandle file)
    {
        var locked = false;
        try
        {
            return locked = file.TryLock(exclusive: true);
        }
        finally
        {
            if (!locked)
                file.Dispose();
        }
    }

    // Whoever had the lock before may have removed the file: then this is a lock on nothing.
    private static FileLock? Keep(DirectoryHandle directory, string name, FileHandle locked)
    {
        var named = false;
        try
        {
            named = directory.Status(name) is { } status && status.IsSameFile(locked.Status());
            return named ? new FileLock(directory, name, locked) : null;
        }
        finally
        {
            if (!named)
                locked.Dispose();
        }
    }

    /// <summary>A number that stands in the lock's own file: its holder counts changes with it, and others see that there were some.</summary>
    public long Counter
    {
        get
        {
            Span<byte> bytes = stackalloc byte[8];
            return file.Read(bytes, 0) == 8 ? BitConverter.ToInt64(bytes) : 0;
        }
        set
        {
            Span<byte> bytes = stackalloc byte[8];
            BitConverter.TryWriteBytes(bytes, value);
            file.Write(bytes, 0);
        }
    }

    /// <summary><see cref="Counter"/> for who does not hold the lock.</summary>
    public static long ReadCounter(DirectoryHandle directory, string name)
        => directory.TryReadAll(name) is { Length: 8 } bytes ? BitConverter.ToInt64(bytes) : 0;

    /// <summary>Lets go and removes the file, so that locks leave no litter.</summary>
    public void Release()
    {
        directory.Delete(name);
        Dispose();
    }

    public void Dispose() => file.Dispose();
}
