using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace DatasetCache.Hosting.Node;

/// <summary>What was started for others and is under way or was over lately, by its tickets.</summary>
internal sealed class NodeWorks(TimeProvider time, TimeSpan patience) : IAsyncDisposable
{
    /// <summary>How long the outcome of something waits to be asked for.</summary>
    private static readonly TimeSpan Memory = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, Work> works = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource stopping = new();

    /// <summary>Starts something, or joins what has this ticket already.</summary>
    /// <param name="mustBeFollowed">Whether it is given up when nobody asks for it.</param>
    /// <param name="run">Is given the place for its progress.</param>
    public Work Start(string? ticket, bool mustBeFollowed, Func<Work, CancellationToken, Task<NodeWork>> run)
    {
        ticket ??= Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
        if (ticket.Length is 0 or > 64 || ticket.AsSpan().ContainsAnyExcept(TicketCharacters))
            throw new InvalidRequestException($"'{ticket[..Math.Min(ticket.Length, 64)]}' cannot be a ticket.", "1 to 64 of A-Z, a-z, 0-9, '-' and '_'.");
        var work = works.GetOrAdd(ticket, name => new Work(name, mustBeFollowed, time, stopping.Token));
        work.RunOnce(run);
        return work;
    }

    public Work? Find(string ticket) => works.GetValueOrDefault(ticket);

    public void Forget(string ticket) => works.TryRemove(ticket, out _);

    public IReadOnlyList<NodeWork> UnderWay(int most) => [.. works.Values.Where(work => !work.IsOver).Take(most).Select(work => work.Now)];

    public void Sweep()
    {
        foreach (var (ticket, work) in works)
        {
            if (work.IsOver && work.Idle > Memory)
                works.TryRemove(ticket, out _);
            else if (!work.IsOver && work.MustBeFollowed && work.Idle > patience)
                work.Abandon();
        }
    }

    /// <summary>What is started from now on is given up at once.</summary>
    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync();
        await Task.WhenAll(works.Values.Select(work => work.Over));
    }

    private static readonly System.Buffers.SearchValues<char> TicketCharacters
        = System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
}

/// <summary>One thing that was started.</summary>
internal sealed class Work : IProgress<AcquireProgress>
{
    private readonly TimeProvider time;
    private readonly CancellationTokenSource cancel;
    private readonly TaskCompletionSource<NodeWork> over = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int started;
    private long asked;
    private volatile NodeWork now;

    public Work(string ticket, bool mustBeFollowed, TimeProvider time, CancellationToken stopping)
    {
        this.time = time;
        MustBeFollowed = mustBeFollowed;
        now = new NodeWork(ticket, NodeWorkState.Running);
        cancel = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        asked = time.GetTimestamp();
    }

    public bool MustBeFollowed { get; }

    public NodeWork Now => now;

    public bool IsOver => over.Task.IsCompleted;

    /// <summary>Ends without an exception, whatever came of it.</summary>
    public Task<NodeWork> Over => over.Task;

    public TimeSpan Idle => time.GetElapsedTime(Interlocked.Read(ref asked));

    public void RunOnce(Func<Work, CancellationToken, Task<NodeWork>> run)
    {
        Interlocked.Exchange(ref asked, time.GetTimestamp());
        if (Interlocked.Exchange(ref started, 1) == 0)
            _ = RunAsync(run);
    }

    public void Abandon() => cancel.Cancel();

    public void Report(AcquireProgress value) => now = now with { Progress = value };

    public void Report(NodeWork value) => now = value;

    /// <summary>Waits for it to be over, but not for long.</summary>
    public async ValueTask<NodeWork> WaitAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        Interlocked.Exchange(ref asked, time.GetTimestamp());
        if (IsOver || wait <= TimeSpan.Zero)
            return now;
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(over.Task, Task.Delay(wait, time, enough.Token));
        await enough.CancelAsync();
        cancellationToken.ThrowIfCancellationRequested();
        Interlocked.Exchange(ref asked, time.GetTimestamp());
        return now;
    }

    private async Task RunAsync(Func<Work, CancellationToken, Task<NodeWork>> run)
    {
        NodeWork ended;
        try
        {
            ended = await run(this, cancel.Token);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // Nobody asked for it any more, or the node stops: whoever does ask begins anew, here or with the next daemon. That is no failure of what he wants.
            ended = new NodeWork(now.Ticket, NodeWorkState.Unknown);
        }
        catch (Exception e)
        {
            ended = new NodeWork(now.Ticket, NodeWorkState.Failed) { Failure = NodeFailure.Of(e) };
        }
        now = ended;
        Interlocked.Exchange(ref asked, time.GetTimestamp());
        over.SetResult(ended);
    }
}
