using System.Collections.Concurrent;

namespace DatasetCache.Store;

// For who reads a dataset that is still on its way.
internal sealed partial class StagingArea
{
    private readonly ConcurrentDictionary<(int File, int Piece), TaskCompletionSource> waiting = new();
    private readonly ConcurrentDictionary<(int File, int Piece), byte> guesses = new();
    private volatile bool isOver;

    /// <summary>A piece is in its file, and known to be right: from the origin, or vouched for by others than its sender.</summary>
    public bool IsReadable(int file, int piece) => Pieces.Has(file, piece) && (guesses.IsEmpty || !guesses.ContainsKey((file, piece)));

    /// <summary>What only its sender had vouched for is right.</summary>
    public void Prove(int file, int piece)
    {
        if (guesses.TryRemove((file, piece), out _))
            TellOf(file, piece);
    }

    /// <summary>Ends when a piece can be read; cancelled when the area is let go of.</summary>
    public Task WhenHere(int file, int piece)
    {
        if (IsReadable(file, piece))
            return Task.CompletedTask;
        var one = waiting.GetOrAdd((file, piece), static _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        // It may have come before somebody could be told.
        if (IsReadable(file, piece))
            TellOf(file, piece);
        if (isOver)
            one.TrySetCanceled();
        return one.Task;
    }

    private void TellOf(int file, int piece)
    {
        // That it is here was written before, and must be seen by who looks after he began to wait.
        Interlocked.MemoryBarrier();
        if (!waiting.IsEmpty && IsReadable(file, piece) && waiting.TryRemove((file, piece), out var one))
            one.TrySetResult();
    }

    private void TellOfAll(int file)
    {
        for (var piece = 0; piece < Pieces.Count(file); piece++)
            TellOf(file, piece);
    }

    private void EndWaiting()
    {
        isOver = true;
        foreach (var (_, one) in waiting)
            one.TrySetCanceled();
    }
}
