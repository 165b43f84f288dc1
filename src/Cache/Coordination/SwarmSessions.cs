namespace DatasetCache.Coordination;

/// <summary>Which downloads of which node are over, for as long as a message of theirs can be late.</summary>
internal sealed class SwarmSessions(CoordinatorOptions options)
{
    private readonly Dictionary<Guid, TimeSpan> ended = [];
    private readonly Dictionary<string, (long Started, TimeSpan Since)> newest = [];

    public void Ended(SwarmNode node, TimeSpan now)
    {
        ended[node.Session] = now;
        if (node.Started != 0 && (!newest.TryGetValue(node.Peer.Node, out var known) || known.Started <= node.Started))
            newest[node.Peer.Node] = (node.Started, now);
    }

    /// <summary>It comes late: of a session that ended, or of one that began before another of its node did.</summary>
    /// <param name="current">The session of that node that takes part; null for none.</param>
    public bool IsLate(MemberReport report, SwarmNode? current, TimeSpan now)
    {
        if (current is not null && current.Session == report.Session)
            return false;
        if (ended.TryGetValue(report.Session, out var since))
        {
            if (now - since < options.LatestMessage)
                return true;
            ended.Remove(report.Session);
        }

        if (report.Started != 0 && newest.TryGetValue(report.From.Node, out var last))
        {
            if (now - last.Since >= options.LatestMessage)
                newest.Remove(report.From.Node);
            else if (report.Started < last.Started)
                return true;
        }

        // A host whose clock was set back begins with lower numbers: it is believed when the other has been silent for longer than any message is late.
        return current is not null && report.Started != 0 && report.Started < current.Started && now - current.Heard < options.LatestMessage;
    }
}
