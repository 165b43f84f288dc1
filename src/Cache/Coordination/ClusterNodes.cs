namespace DatasetCache.Coordination;

/// <summary>Who is live, whom to ask, and whether a new coordinator has heard enough to give out origin reads.</summary>
internal sealed class ClusterNodes(CoordinatorOptions options)
{
    private readonly Dictionary<string, TimeSpan> asked = [];
    private readonly HashSet<string> toLearn = [];
    private readonly HashSet<string> due = [];
    private HashSet<string> live = [];
    private TimeSpan? began;
    private bool areKnown;
    private bool isLearned;

    public int Count => live.Count;

    /// <summary>Claims of nodes that have not spoken yet may be open: nothing is read from the origin until they spoke, or for long enough did not.</summary>
    public bool IsLearning(TimeSpan now)
    {
        began ??= now;
        isLearned = isLearned || (areKnown && toLearn.Count == 0) || now - began >= options.LearningTime;
        return !isLearned;
    }

    /// <summary>How long it has been learning; null where it is not.</summary>
    public TimeSpan? LearningFor(TimeSpan now) => IsLearning(now) ? now - began : null;

    /// <returns>Those that were live and are not any more.</returns>
    public List<string> Become(IReadOnlyCollection<string> nodes, TimeSpan now)
    {
        began ??= now;
        var gone = live.Except(nodes).ToList();
        if (!isLearned)
            foreach (var node in nodes.Except(live))
            {
                toLearn.Add(node);
                due.Add(node);
            }

        live = [.. nodes];
        areKnown = true;
        foreach (var node in gone)
        {
            toLearn.Remove(node);
            due.Remove(node);
            asked.Remove(node);
        }

        return gone;
    }

    /// <summary>To be asked at the next tick, unless an answer is waited for already.</summary>
    public void Ask(string node)
    {
        if (!asked.ContainsKey(node))
            due.Add(node);
    }

    /// <summary>It answered, or did not.</summary>
    public void Answered(string node)
    {
        asked.Remove(node);
        due.Remove(node);
        toLearn.Remove(node);
    }

    /// <returns>Whom to ask now.</returns>
    public IReadOnlyList<string> TakeDue(TimeSpan now)
    {
        if (due.Count == 0)
            return [];
        var nodes = due.ToList();
        due.Clear();
        foreach (var node in nodes)
            asked[node] = now;
        return nodes;
    }

    /// <returns>Those that were asked too long ago.</returns>
    public List<string> Overdue(TimeSpan now) => [.. asked.Where(ask => now - ask.Value >= options.AskTimeout).Select(ask => ask.Key)];
}
