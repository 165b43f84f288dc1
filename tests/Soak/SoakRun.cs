using DatasetCache.Testing;
using DatasetCache.Testing.Faults;

namespace DatasetCache.Soak;

/// <summary>Draws what happens, all of it from one seed in one order, and lets it happen at the same time.</summary>
internal sealed class SoakRun(IReadOnlyList<SoakNode> nodes, SoakOrigin origin, SoakLog log, int datasets, int seed)
{
    // A node's disk has room for the leases, the pin and the downloads of that many, and no more.
    private const int MostJobs = 2;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200), Upheaval = TimeSpan.FromSeconds(10), Patience = TimeSpan.FromSeconds(120), Healing = TimeSpan.FromSeconds(60);
    private static readonly Fault[] Strikes =
    [
        Fault.Answer(500), Fault.Answer(503, "SlowDown"), Fault.Answer(429), new() { Reset = true }, new() { BreakAfter = 40_000 }, new() { StallAfter = 40_000 }, new() { Hang = true },
        new() { EndAfter = 20_000, WithoutLength = true }, new() { BytesPerSecond = 1_000 },
    ];

    private readonly List<Task> under = [];
    private volatile bool isEnding;
    private readonly Dictionary<SoakNode, Task> turning = nodes.ToDictionary(node => node, _ => Task.CompletedTask);

    public async Task RunAsync(TimeSpan time, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        var upheaval = Upheaval;
        using var timer = new PeriodicTimer(Tick);
        while (log.Elapsed < time && await timer.WaitForNextTickAsync(cancellationToken))
        {
            // The same five numbers at each tick, whatever becomes of them.
            var (what, node, dataset, other, more) = (random.Next(100), nodes[random.Next(nodes.Count)], random.Next(datasets), nodes[random.Next(nodes.Count)], random.Next(10_000));
            Bury();
            if (log.Elapsed >= upheaval)
            {
                upheaval += Upheaval;
                Turn(node, more);
                continue;
            }
            under.RemoveAll(task => task.IsCompleted);
            under.Add(GuardedAsync(what switch
            {
                < 60 => GetAsync(node, dataset, TimeSpan.FromSeconds(more % 10), cancellationToken),
                < 70 => EvictAsync(node, dataset),
                < 78 => PinAsync(node, dataset, TimeSpan.FromSeconds(2 + (more % 8)), cancellationToken),
                < 86 => FlipAsync(node, dataset, more, cancellationToken),
                < 92 => StrikeAsync(more),
                _ => NeighbourAsync(node, other, dataset, cancellationToken),
            }));
        }
        log.Say("the load ends");
        isEnding = true;
        await Task.WhenAll(under);
        await Task.WhenAll(turning.Values);
    }

    // A defect of the soak itself must not pass as peace.
    private async Task GuardedAsync(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
        }
        catch (Exception e)
        {
            log.Violate($"the soak itself: {e}");
        }
    }

    private void Bury()
    {
        foreach (var node in nodes.Where(node => node.HasDied && turning[node].IsCompleted))
        {
            // A silo that the others voted out ends itself, and whoever supervises it starts it again.
            var wasVotedOut = node.Said.Contains("voted out", StringComparison.OrdinalIgnoreCase) || node.Said.Contains("declared dead", StringComparison.OrdinalIgnoreCase);
            log.Count(wasVotedOut ? "nodes that ended as voted out, and came back" : "nodes that ended by themselves");
            log.Say($"{node.Name} has ended by itself: {string.Join(" | ", node.Said.Split('\n', StringSplitOptions.RemoveEmptyEntries).TakeLast(3))}");
            node.Buried();
            turning[node] = GuardedAsync(ReviveAsync(node));
        }
    }

    private async Task ReviveAsync(SoakNode node)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await node.StartAsync();
                log.Say($"{node.Name} is up");
                return;
            }
            catch (InvalidOperationException e) when (tries < 5)
            {
                log.Say($"{node.Name} did not start: {e.Message.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]}");
                await Task.Delay(2000);
            }
        }
    }

    private void Turn(SoakNode node, int more)
    {
        if (!turning[node].IsCompleted)
            return;
        if (!node.IsUp)
        {
            log.Count("nodes added");
            turning[node] = GuardedAsync(ReviveAsync(node));
        }
        else if (nodes.Count(each => each.IsUp) > 1)
        {
            var kill = more % 2 == 0;
            log.Count(kill ? "nodes killed" : "nodes stopped");
            log.Say($"{node.Name} is {(kill ? "killed" : "stopped")}");
            turning[node] = GuardedAsync(EndAsync(node, kill));
        }
    }

    private async Task EndAsync(SoakNode node, bool kill)
    {
        var since = log.Elapsed;
        var code = await node.EndAsync(kill);
        log.Most($"ms at most for a {(kill ? "kill" : "stop")}", (long)(log.Elapsed - since).TotalMilliseconds);
        if (!kill && code != 0)
            log.Violate($"{node.Name} was stopped and ended with {code}: {node.Said[^Math.Min(2000, node.Said.Length)..]}");
    }

    private async Task GetAsync(SoakNode node, int dataset, TimeSpan hold, CancellationToken cancellationToken)
    {
        if (!node.IsUp || node.Jobs >= MostJobs)
            return;
        Interlocked.Increment(ref node.Jobs);
        try
        {
            if (await TryGetAsync(node, dataset, cancellationToken) is not { } held)
                return;
            Check(node, held, dataset, "handed out");
            await Task.Delay(hold, cancellationToken);
            // Leased: it is there, whether the node lives or not.
            Check(node, held, dataset, $"leased for {hold.TotalSeconds} s");
            log.Count("leases held to their end");
            await UntilUpAsync(node, async () => await node.ReleaseAsync(held), cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref node.Jobs);
        }
    }

    /// <returns>Null where the node ended in the middle, or the origin's faults were too many.</returns>
    private async Task<Held?> TryGetAsync(SoakNode node, int dataset, CancellationToken cancellationToken, TimeSpan? begun = null)
    {
        var (life, since) = (node.Life, begun ?? log.Elapsed);
        // It was asked to end, before this began (who found no room asks again) or since.
        bool IsOver() => life != node.Life || !node.IsUp;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            var held = await node.AcquireAsync(dataset, patience.Token);
            log.Count(held.Outcome is "hit" ? "hits" : "misses");
            log.Most("ms at most for a get", (long)(log.Elapsed - since).TotalMilliseconds);
            return held;
        }
        catch (RefusedException e) when (e.Message.Contains("origin", StringComparison.OrdinalIgnoreCase) || e.Message.Contains("shutting down", StringComparison.OrdinalIgnoreCase) || IsOver())
        {
            log.Count("gets refused: the origin's faults, or a node that stops");
        }
        catch (RefusedException e) when (e.Message.Contains("noSpace", StringComparison.Ordinal) && log.Elapsed - since < Healing)
        {
            // What is verified, sent to a neighbour or was leased by a get that broke off is in use for a while, besides what this run has room for.
            log.Count("gets that found no room at first, and asked again");
            await Task.Delay(1000, cancellationToken);
            return await TryGetAsync(node, dataset, cancellationToken, since);
        }
        catch (RefusedException e)
        {
            log.Violate($"I4: {node.Name} refused {SoakOrigin.Name(dataset)}: {e.Message}");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested && !IsOver())
        {
            log.Violate($"I4: {node.Name} did not give {SoakOrigin.Name(dataset)} in {Patience.TotalSeconds} s");
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException or IOException)
        {
            if (!IsOver() && !node.HasDied && !cancellationToken.IsCancellationRequested)
                log.Violate($"{node.Name} is up and broke off: {e.Message}");
            log.Count("gets that a node's end cut short");
        }
        return null;
    }

    private void Check(SoakNode node, Held held, int dataset, string what)
    {
        // What was flipped after it was handed out is the scrubber's to find: it is looked at when it was verified. A flip may come and be healed while this reads.
        var before = node.EverFlipped.Count;
        var flipped = node.Flipped.Keys.ToHashSet(StringComparer.Ordinal);
        var wrong = SoakOrigin.Wrong(held.Folder, dataset).ToArray();
        flipped.UnionWith(node.EverFlipped.Skip(before));
        foreach (var each in wrong.Where(each => !flipped.Any(path => each.StartsWith(path, StringComparison.Ordinal) && each.EndsWith("other bytes", StringComparison.Ordinal))))
            log.Violate($"{(each.EndsWith("gone", StringComparison.Ordinal) ? "I3" : "I1")}: {node.Name}, {what} ({held.Outcome}): {each}");
        log.Count("folders read and compared");
    }

    // One of those that fit, by the number that was drawn.
    private int? Pick(int drawn, Func<int, bool> fits)
    {
        var fitting = Enumerable.Range(0, datasets).Where(fits).ToArray();
        return fitting.Length == 0 ? null : fitting[drawn % fitting.Length];
    }

    private async Task EvictAsync(SoakNode node, int drawn)
    {
        if (node.IsUp && Pick(drawn, dataset => node.FolderOf(dataset) is not null) is { } dataset && node.FolderOf(dataset) is { } folder)
            await WhileUpAsync(node, async () => log.Count((await node.EvictAsync(Path.GetFileName(folder))).IsSuccessStatusCode ? "evictions asked for" : "evictions of what was gone"));
    }

    private async Task PinAsync(SoakNode node, int drawn, TimeSpan time, CancellationToken cancellationToken)
    {
        if (!node.IsUp || node.Pins > 0 || Pick(drawn, dataset => node.FolderOf(dataset) is not null) is not { } dataset || node.FolderOf(dataset) is not { } folder)
            return;
        var key = Path.GetFileName(folder);
        Interlocked.Increment(ref node.Pins);
        try
        {
            var pinned = false;
            await WhileUpAsync(node, async () => pinned = await node.PinAsync(key));
            if (!pinned)
                return;
            await Task.Delay(time, cancellationToken);
            Check(node, new Held(folder, "", "pinned"), dataset, $"pinned for {time.TotalSeconds} s");
            log.Count("pins held to their end");
            await UntilUpAsync(node, async () => await node.UnpinAsync(key), cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref node.Pins);
        }
    }

    private async Task FlipAsync(SoakNode node, int drawn, int more, CancellationToken cancellationToken)
    {
        if (Pick(drawn, dataset => node.FolderOf(dataset) is not null) is not { } dataset || node.FolderOf(dataset) is not { } folder)
            return;
        var path = Path.Join(folder, more % 3 == 0 ? $"images/{more % 30:d2}.png" : "large.bin");
        // One of a dataset at a time: a verify that joins one under way does not look again at what that has passed.
        if (node.Flipped.Keys.Any(other => other.StartsWith(folder, StringComparison.Ordinal)) || !node.Flipped.TryAdd(path, value: true))
            return;
        node.EverFlipped.Enqueue(path);
        var isVerified = true;
        try
        {
            if (!Flip(path, more))
                return;
            log.Count("bits flipped");
            isVerified = false;
            // A scrub would come to it in a week.
            string? outcome = null;
            isVerified = await UntilUpAsync(node, async () => outcome = await node.VerifyAsync(Path.GetFileName(folder), cancellationToken), cancellationToken);
            log.Count(isVerified ? $"verified: {outcome ?? "gone"}" : "verified at the end: the node was away until then");
        }
        finally
        {
            if (isVerified)
                node.Flipped.TryRemove(path, out _);
        }
    }

    private static bool Flip(string path, int more)
    {
        try
        {
            var mode = File.GetUnixFileMode(path);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            var one = new byte[1];
            RandomAccess.Read(file, one, more * 7);
            one[0] ^= 0x20;
            RandomAccess.Write(file, one, more * 7);
            File.SetUnixFileMode(path, mode);
            return true;
        }
        catch (IOException)
        {
            // Evicted meanwhile.
            return false;
        }
    }

    private Task StrikeAsync(int more)
    {
        origin.Proxy.Add(Strikes[more % Strikes.Length], times: 1 + (more % 4));
        log.Count("origin faults set");
        return Task.CompletedTask;
    }

    /// <summary>I2: what one node holds, pinned, another gets from it; counted while nodes come and go, required at the end.</summary>
    private async Task NeighbourAsync(SoakNode holder, SoakNode asker, int drawn, CancellationToken cancellationToken)
    {
        if (holder == asker || !holder.IsUp || !asker.IsUp || asker.Jobs >= MostJobs || holder.Pins > 0
            || Pick(drawn, dataset => holder.FolderOf(dataset) is not null && asker.FolderOf(dataset) is null) is not { } dataset || holder.FolderOf(dataset) is not { } folder)
            return;
        Interlocked.Increment(ref asker.Jobs);
        Interlocked.Increment(ref holder.Pins);
        var key = Path.GetFileName(folder);
        var pinned = false;
        try
        {
            await WhileUpAsync(holder, async () => pinned = await holder.PinAsync(key));
            if (!pinned)
                return;
            var (life, before, wasFlipped) = (holder.Life, origin.ReadBy(asker.Name, dataset), holder.Flipped.Keys.Any(path => path.StartsWith(folder, StringComparison.Ordinal)));
            if (await TryGetAsync(asker, dataset, cancellationToken) is not { } held)
                return;
            Check(asker, held, dataset, "handed out");
            var read = origin.ReadBy(asker.Name, dataset) - before;
            if (life == holder.Life && held.Outcome is "miss" && !wasFlipped)
            {
                log.Count("gets of what a neighbour held");
                log.Count("bytes read from the origin by those, though the neighbour lived", read);
                if (read > 0)
                    log.Say($"{asker.Name} read {read} bytes of {SoakOrigin.Name(dataset)} though {holder.Name} held it");
            }
            await UntilUpAsync(asker, async () => await asker.ReleaseAsync(held), cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref asker.Jobs);
            if (pinned)
                await UntilUpAsync(holder, async () => await holder.UnpinAsync(key), cancellationToken);
            Interlocked.Decrement(ref holder.Pins);
        }
    }

    private static async Task<bool> WhileUpAsync(SoakNode node, Func<Task> call)
    {
        try
        {
            await call();
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or RefusedException)
        {
            return false;
        }
    }

    // As a client does it that is told to: until the node is there again, or the run is over. A lease that nobody gives back would take its room for good.
    private async Task<bool> UntilUpAsync(SoakNode node, Func<Task> call, CancellationToken cancellationToken)
    {
        for (var afterEnd = 0; afterEnd < 120; afterEnd += isEnding ? 1 : 0)
        {
            if (node.IsUp && await WhileUpAsync(node, call))
                return true;
            if (isEnding && !node.IsUp)
                break;
            await Task.Delay(500, cancellationToken);
        }
        return false;
    }
}
