using DatasetCache.Integrity;
using DatasetCache.Testing;
using DatasetCache.Testing.Faults;

namespace DatasetCache.Soak;

/// <summary>When nothing is done to the cluster any more: it must be whole again within a minute, and nothing may be left over.</summary>
internal static class SoakEnd
{
    private static readonly TimeSpan Minute = TimeSpan.FromSeconds(60);

    /// <summary>I4 and I2: all nodes are started; each gets a dataset within 60 s; what one holds the next gets without the origin.</summary>
    public static async Task HealAsync(IReadOnlyList<SoakNode> nodes, SoakOrigin origin, SoakLog log)
    {
        origin.Proxy.Calm();
        foreach (var node in nodes.Where(node => !node.IsUp))
            await node.StartAsync();
        log.Say("all nodes are up");
        // What was flipped in a node that was away: nobody but the next scrub would look.
        foreach (var node in nodes)
        {
            foreach (var key in node.Flipped.Keys.Select(path => Path.GetRelativePath(Path.Join(node.Root, "snapshots"), path).Split('/')[0]).Distinct(StringComparer.Ordinal))
                await node.VerifyAsync(key, CancellationToken.None);
            node.Flipped.Clear();
        }
        var since = log.Elapsed;
        await Task.WhenAll(nodes.Select(async (node, number) =>
        {
            if (await TryAsync(node, number, log) is { } held)
                await node.ReleaseAsync(held);
        }));
        log.Most("ms at most until every node served again", (long)(log.Elapsed - since).TotalMilliseconds);
        for (var i = 0; i + 1 < nodes.Count; i++)
        {
            var (holder, asker, dataset) = (nodes[i], nodes[i + 1], nodes.Count + i);
            if (await TryAsync(holder, dataset, log) is not { } held)
                continue;
            if (asker.FolderOf(dataset) is { } there)
                await asker.EvictAsync(Path.GetFileName(there));
            var before = origin.ReadBy(asker.Name, dataset);
            if (await TryAsync(asker, dataset, log) is { } copy)
            {
                if (origin.ReadBy(asker.Name, dataset) - before is > 0 and var read)
                    log.Violate($"I2: {asker.Name} read {read} bytes of {SoakOrigin.Name(dataset)} from the origin though {holder.Name} holds it, and nothing is wrong");
                foreach (var wrong in SoakOrigin.Wrong(copy.Folder, dataset))
                    log.Violate($"I1: {wrong}");
                log.Count("copies from a neighbour at the end");
                await asker.ReleaseAsync(copy);
            }
            await holder.ReleaseAsync(held);
        }
        foreach (var node in nodes)
        {
            if (await node.EndAsync(kill: false) is not 0 and var code)
                log.Violate($"{node.Name} was stopped and ended with {code}");
        }
    }

    /// <summary>I1 and I5: every entry of every disk is what its manifest says, and the sweep leaves nothing in staging.</summary>
    public static async Task LookAsync(IReadOnlyList<SoakNode> nodes, SoakLog log)
    {
        foreach (var node in nodes)
        {
            var fault = new FaultCase(0, "soak");
            try
            {
                await using var cache = LocalDatasetCache.Open(new CacheOptions { Root = node.Root, Offline = true }, new MemoryOrigin());
                foreach (var entry in cache.List().Where(entry => entry.Broken is null))
                {
                    var found = await cache.VerifyAsync(entry.CacheKey, new VerifyOptions { Level = VerifyLevel.Pieces, Heal = false });
                    fault.Whole(found is { Outcome: VerifyOutcome.Sound }, $"{node.Name}: {entry.CacheKey} ({found?.Why})");
                    log.Count("entries verified at the end");
                }
                cache.Sweep(TimeSpan.Zero);
                fault.NoOrphans(node.Root);
            }
            catch (InvalidOperationException e)
            {
                log.Violate(e.Message);
            }
        }
    }

    private static async Task<Held?> TryAsync(SoakNode node, int dataset, SoakLog log)
    {
        using var patience = new CancellationTokenSource(Minute);
        try
        {
            return await node.AcquireAsync(dataset, patience.Token);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException or RefusedException)
        {
            log.Violate($"I4: all is well again and {node.Name} did not give {SoakOrigin.Name(dataset)} within 60 s: {e.Message}");
            return null;
        }
    }
}
