using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>One call of the scrubber.</summary>
internal sealed class ScrubRun(Scrubber scrubber, ScrubOptions options, long rate, TimeSpan period)
{
    private static readonly TimeSpan Slice = TimeSpan.FromMilliseconds(250);

    private readonly CacheRoot root = scrubber.Root;
    private readonly ScrubPlan plan = scrubber.Plan;
    private readonly TimeProvider time = scrubber.Time;
    private readonly Pacer pacer = new(rate, scrubber.Time);
    private readonly List<VerifyResult> broken = [];
    private ScrubState state = null!;
    private long entriesDone, files, bytesRead;
    private OpenEntry? open;

    public async Task<ScrubReport> GoAsync(CancellationToken cancellationToken)
    {
        var found = ScrubState.Read(root);
        plan.Refresh();
        var now = time.GetUtcNow();
        state = ScrubPace.Begin(found, options.All, found is null ? 0 : plan.Passed(found), period, now);
        var due = ScrubPace.Due(state, period, now);
        state = state with { LastCall = now };
        scrubber.Shared.KeepFor(state.Cycle);
        try
        {
            while (state.Ended is null && await StepAsync(due, cancellationToken))
            {
            }
        }
        finally
        {
            open?.Dispose();
            state.Write(root);
        }
        return Report();
    }

    /// <summary>One slice of one entry; false where nothing more is due.</summary>
    private async Task<bool> StepAsync(double due, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        plan.RefreshIfOld();
        if (plan.Next(state) is not { } key)
        {
            state = state with { Ended = time.GetUtcNow() };
            return false;
        }
        var budget = plan.Budget(state, due);
        if (budget <= 0)
            return false;
        if (open is null || !string.Equals(open.Entry.CacheKey, key, StringComparison.Ordinal))
        {
            await OpenAsync(key, cancellationToken);
            if (open is null)
            {
                // Gone, or torn and dealt with.
                state = state with { Key = key, IsThrough = true, Path = "", Weight = 0 };
                return true;
            }
        }
        await SliceAsync(open, budget, cancellationToken);
        state.Write(root);
        options.Progress?.Report(new ScrubProgress(key, bytesRead, plan.Passed(state)));
        return true;
    }

    private async Task OpenAsync(string key, CancellationToken cancellationToken)
    {
        open?.Dispose();
        open = null;
        if (scrubber.Entries.DirectoryOf(key) is not { } judged)
            return;
        var entry = EntryUnderCheck.Open(root, key, judged, out var torn);
        if (entry is null)
        {
            // Whoever is about to publish it has not got so far; whoever evicts it has its lease.
            if (torn is not null && scrubber.Entries.TryRead(key) is not null && scrubber.Entries.DirectoryOf(key) is { } still && still.IsSameFile(judged))
                await DealAsync(new VerifyReport(key, 0, 0, [], torn), judged, cancellationToken);
            return;
        }
        open = new OpenEntry(entry, entry.CheckTree(cancellationToken));
        if (string.Equals(state.Key, key, StringComparison.Ordinal) && string.Equals(state.ManifestDigest, entry.Record.ManifestDigest, StringComparison.Ordinal))
            open.Next = state.Path.Length == 0 ? 0 : open.IndexAfter(state.Path);
        else
            state = state with { Key = key, ManifestDigest = entry.Record.ManifestDigest, Path = "", IsThrough = false, Weight = 0 };
    }

    private async Task SliceAsync(OpenEntry open, long budget, CancellationToken cancellationToken)
    {
        var entry = open.Entry;
        var started = time.GetTimestamp();
        var (first, next, weight) = (open.Next, open.Next, 0L);
        var content = entry.Contents(scrubber.Reader, VerifyLevel.Full, scrubber.Shared, pacer, progress: null);
        var found = await content.RunAsync(Feed(), entry.Lines.Count - first, cancellationToken);
        open.Faults.AddRange(found.Select(one => one.Fault));
        entry.WriteDigests();
        bytesRead += content.Bytes;
        files += next - first;
        var isThrough = next == entry.Lines.Count;
        if (isThrough)
            open.Faults.AddRange(entry.JudgeDigests(scrubber.Origins).Where(wrong => !open.Faults.Exists(fault => string.Equals(fault.Path, wrong.Path, StringComparison.Ordinal))));
        if (open.Faults.Count > open.DealtWith)
            await DealWithFaultsAsync(open, cancellationToken);
        else if (isThrough && open.Faults.Count == 0 && entry.IsNamed() && scrubber.Entries.IsBroken(entry.CacheKey))
        {
            // Withdrawn before, for something that this look does not see again: healing says what of it is left.
            await DealAsync(new VerifyReport(entry.CacheKey, entry.Lines.Count, 0, []), entry.Judged, cancellationToken);
        }
        open.Next = next;
        state = state with { Path = next == 0 ? "" : entry.Lines[next - 1].File.Path, Weight = state.Weight + weight, IsThrough = isThrough };
        if (isThrough)
        {
            entriesDone++;
            Close();
        }

        IEnumerable<int> Feed()
        {
            while (next < entry.Lines.Count && (next == first || (weight < budget && time.GetElapsedTime(started) < Slice)))
            {
                cancellationToken.ThrowIfCancellationRequested();
                var file = next++;
                weight += ScrubPlan.WeightOf(entry.Lines[file].File.Size);
                if (!open.IsBadByName(file))
                    yield return file;
            }
        }
    }

    // All that was found in the entry so far, not this slice's alone: what could not be healed before is still broken.
    private async Task DealWithFaultsAsync(OpenEntry open, CancellationToken cancellationToken)
    {
        var entry = open.Entry;
        var confirmed = entry.Confirm(open.Faults).ToArray();
        if (!entry.IsNamed() || confirmed.Length == 0)
        {
            open.DealtWith = open.Faults.Count;
            return;
        }
        var outcome = await DealAsync(new VerifyReport(entry.CacheKey, entry.Lines.Count, bytesRead, confirmed), entry.Judged, cancellationToken);
        if (outcome == VerifyOutcome.Healed)
            open.Faults.Clear();
        open.DealtWith = open.Faults.Count;
    }

    private async Task<VerifyOutcome> DealAsync(VerifyReport report, FileStatus judged, CancellationToken cancellationToken)
    {
        VerifyResult result;
        try
        {
            result = await scrubber.DealWith(report, judged, options.Heal, cancellationToken);
        }
        catch (DatasetCacheException e)
        {
            // The disk refused what had to be done about it: the others are looked at all the same.
            result = new VerifyResult(report, VerifyOutcome.Withdrawn, 0, e.Message);
        }
        broken.Add(result);
        state = state with
        {
            Found = state.Found + Math.Max(1, report.Faults.Count),
            Unhealed = state.Unhealed + (result.IsUsable ? 0 : 1),
        };
        return result.Outcome;
    }

    private void Close()
    {
        open?.Dispose();
        open = null;
    }

    private ScrubReport Report()
    {
        var passed = state.Ended is null ? plan.Passed(state) : 1;
        return new ScrubReport(entriesDone, files, bytesRead, broken, state.Cycle, state.Started, state.Ended ?? plan.EndsAt(state, period, rate, time.GetUtcNow()), passed,
            state.Ended is not null, state.Found, state.Unhealed, state.Key.Length == 0 ? null : state.IsThrough ? state.Key : $"{state.Key}/{state.Path}");
    }
}

    /// <summary>The entry that a scrubber is in, from slice to slice.</summary>
internal sealed class OpenEntry : IDisposable
    {
        private readonly HashSet<int> badByName;

        public OpenEntry(EntryUnderCheck entry, TreeCheck structure)
        {
            Entry = entry;
            badByName = [.. structure.Faults.Select(found => found.File)];
            Faults = [.. structure.Faults.Select(found => found.Fault)];
        }

        public EntryUnderCheck Entry { get; }

        /// <summary>What was found and is not healed.</summary>
        public List<FileFault> Faults { get; }

        /// <summary>How many of them something was done about.</summary>
        public int DealtWith { get; set; }

        /// <summary>The first file that is not done.</summary>
        public int Next { get; set; }

        public bool IsBadByName(int file) => badByName.Contains(file);

        public int IndexAfter(string path)
        {
            for (var i = 0; i < Entry.Lines.Count; i++)
            {
                if (Datasets.PathOrder.Compare(Entry.Lines[i].File.Path, path) > 0)
                    return i;
            }
            return Entry.Lines.Count;
        }

        public void Dispose() => Entry.Dispose();
    }
