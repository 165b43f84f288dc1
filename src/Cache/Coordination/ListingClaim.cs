namespace DatasetCache.Coordination;

/// <summary>Who lists the origin, for whom, and who has what was found. One node lists at a time; where it cannot, another one tries.</summary>
internal sealed class ListingClaim(CoordinatorOptions options)
{
    private static readonly TimeSpan FailedLately = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitedLately = TimeSpan.FromSeconds(2);

    private readonly Dictionary<string, Version> versions = [];
    private readonly Dictionary<string, string> jobs = [];
    private readonly Queue<string> jobOrder = new();
    private readonly HashSet<string> contradicted = [];
    private readonly Dictionary<string, TimeSpan> failed = [];
    private readonly Dictionary<string, TimeSpan> waiting = [];
    private readonly Dictionary<string, (long Number, TimeSpan At)> newest = [];
    private TimeSpan claimed;
    private string? lastFailure;

    public string? Current { get; private set; }

    public string? Lister { get; private set; }

    public IReadOnlySet<string> Contradicted => contradicted;

    public TimeSpan? Age(TimeSpan now) => Current is null ? null : now - versions[Current].Listed;

    /// <returns>True where this is news.</returns>
    public bool Contradict(string digest)
    {
        if (!contradicted.Add(digest))
            return false;
        versions.Remove(digest);
        if (Current == digest)
            Current = null;
        foreach (var job in jobs.Where(job => job.Value == digest).Select(job => job.Key).ToList())
            jobs.Remove(job);
        return true;
    }

    /// <summary>The node has asked anew since; or the same question has come again. A host whose clock was set back goes on with lower numbers: later than any message can be it is believed.</summary>
    public bool IsLate(ManifestRequest request, TimeSpan now)
    {
        if (request.Number == 0)
            return false;
        if (newest.TryGetValue(request.From.Node, out var last) && request.Number <= last.Number && now - last.At < options.LatestMessage)
            return true;
        newest[request.From.Node] = (request.Number, now);
        return false;
    }

    public void Failed(string node, string reason, TimeSpan now)
    {
        if (Lister == node)
            Lister = null;
        failed[node] = now;
        lastFailure = reason;
    }

    /// <param name="age">How long ago the origin said so, where that is known.</param>
    public void Listed(Peer holder, string digest, TimeSpan age, string? job, TimeSpan now)
    {
        // What it held before it was told to is no answer.
        var isLister = Lister == holder.Node && age <= now - claimed;
        if (isLister)
            Lister = null;
        // Somebody put the old content back: the origin has just said so.
        if (isLister)
            contradicted.Remove(digest);
        if (contradicted.Contains(digest))
            return;
        if (!versions.TryGetValue(digest, out var version))
            versions.Add(digest, version = new Version(now - age));
        version.Holders[holder.Node] = holder;
        if (now - age > version.Listed)
            version.Listed = now - age;
        // Who was told to list by an activation that is gone says so too.
        if (isLister || Current is null || version.Listed > versions[Current].Listed)
            Current = digest;

        if (isLister)
        {
            lastFailure = null;
            failed.Clear();
        }

        Remember(job, digest);
        Trim();
    }

    public void Gone(string node)
    {
        if (Lister == node)
            Lister = null;
        waiting.Remove(node);
        failed.Remove(node);
        newest.Remove(node);
        foreach (var version in versions.Values)
            version.Holders.Remove(node);
    }

    /// <param name="learningFor">Not null: somebody may be listing already, so nobody else is told to.</param>
    public ManifestReply Decide(ManifestRequest request, Epoch epoch, TimeSpan? learningFor, TimeSpan now)
    {
        var node = request.From.Node;
        if (request.Listed is null)
            foreach (var version in versions.Values)
                version.Holders.Remove(node);
        var digest = Find(request, now);
        if (digest is not null)
        {
            Remember(request.JobId, digest);
            waiting.Remove(node);
            var taken = versions[digest];
            return new ManifestReply
            {
                Epoch = epoch,
                Decision = ManifestDecision.TakeListing,
                Digest = digest,
                Holders = [.. taken.Holders.Values.Where(holder => holder.Node != node).Take(options.NamedHolders)],
                Age = now - taken.Listed,
            };
        }

        if (Lister is not null && Lister != node && now - claimed >= options.ListingLapse)
            Lister = null;
        if (learningFor is not null || (Lister is not null && Lister != node) || ShouldLeaveItToOthers(node, now))
        {
            waiting[node] = now;
            return new ManifestReply { Epoch = epoch, Decision = ManifestDecision.Wait, Pause = Pause(learningFor ?? now - claimed), LastFailure = lastFailure };
        }

        waiting.Remove(node);
        Lister = node;
        claimed = now;
        return new ManifestReply { Epoch = epoch, Decision = ManifestDecision.ListOrigin, LastFailure = lastFailure };
    }

    /// <summary>A small listing is there in no time, and so are the answers that a new coordinator waits for; of what takes long nobody need ask all the time.</summary>
    private TimeSpan Pause(TimeSpan waited)
    {
        var pause = waited / 4;
        return pause < options.ListingPauseLeast ? options.ListingPauseLeast : pause < options.ListingPause ? pause : options.ListingPause;
    }

    private string? Find(ManifestRequest request, TimeSpan now)
    {
        if (request.JobId is { } job && jobs.TryGetValue(job, out var first) && versions.TryGetValue(first, out var old) && old.Holders.Count > 0)
            return first;
        if (Current is null || versions[Current].Holders.Count == 0)
            return null;
        return request.MaxAge is { } most && now - versions[Current].Listed > most ? null : Current;
    }

    private bool ShouldLeaveItToOthers(string node, TimeSpan now) =>
        failed.TryGetValue(node, out var when) && now - when < FailedLately
        && waiting.Any(other => other.Key != node && now - other.Value < WaitedLately && !(failed.TryGetValue(other.Key, out var theirs) && now - theirs < FailedLately));

    private void Remember(string? job, string digest)
    {
        if (job is null || !jobs.TryAdd(job, digest))
            return;
        jobOrder.Enqueue(job);
        while (jobOrder.Count > options.RememberedJobs)
            jobs.Remove(jobOrder.Dequeue());
    }

    /// <summary>Versions that no job has and that are not the current one are forgotten when there are many.</summary>
    private void Trim()
    {
        if (versions.Count <= options.RememberedJobs)
            return;
        var inUse = jobs.Values.ToHashSet(StringComparer.Ordinal);
        foreach (var old in versions.Keys.Where(digest => digest != Current && !inUse.Contains(digest)).ToList())
            versions.Remove(old);
    }

    private sealed class Version(TimeSpan listed)
    {
        public TimeSpan Listed { get; set; } = listed;

        public Dictionary<string, Peer> Holders { get; } = [];
    }
}
