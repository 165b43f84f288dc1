namespace DatasetCache.Grains;

/// <summary>Answers that cost a question to every node, kept for some seconds: however many ask, the nodes are asked once. For a grain, which does one thing at a time.</summary>
internal sealed class RecentAnswers<TKey, T>(TimeProvider time, TimeSpan life)
    where TKey : notnull
{
    // Few ask for other things than the pages do.
    private const int Most = 16;

    private readonly Dictionary<TKey, (Task<T> Answer, long At)> recent = [];

    /// <summary>What was answered lately or is being asked for; else what <paramref name="ask"/> gives. It must end by itself: others wait for it, too.</summary>
    public Task<T> Get(TKey key, Func<Task<T>> ask)
    {
        if (recent.TryGetValue(key, out var known) && !known.Answer.IsFaulted && !known.Answer.IsCanceled && time.GetElapsedTime(known.At) < life)
            return known.Answer;
        if (recent.Count >= Most && !recent.ContainsKey(key))
            recent.Remove(recent.MinBy(one => one.Value.At).Key);
        var answer = ask();
        recent[key] = (answer, time.GetTimestamp());
        return answer;
    }
}
