using System.Security.Cryptography;

namespace DatasetCache.Http.Access;

/// <summary>Who has logged in with a browser. In memory alone: a node that was started anew asks again, as it has a new token of its own, too.</summary>
internal sealed class Sessions(TimeProvider time)
{
    /// <summary>A working day; whoever comes back within it is not asked again.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(12);

    private const int Most = 10_000;

    private readonly Lock gate = new();
    private readonly Dictionary<string, Session> sessions = new(StringComparer.Ordinal);

    /// <returns>What the cookie holds: it tells nothing and can be guessed by nobody.</returns>
    public string Begin(Credential credential)
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));
        lock (gate)
        {
            if (sessions.Count >= Most)
                RemoveOld();
            sessions[KeyOf(id)] = new Session(credential, time.GetTimestamp());
        }
        return id;
    }

    public Credential? Find(string? id)
    {
        if (id is not { Length: 64 })
            return null;
        lock (gate)
            return sessions.TryGetValue(KeyOf(id), out var session) && time.GetElapsedTime(session.Begun) < Lifetime ? session.Credential : null;
    }

    public void End(string? id)
    {
        if (id is null)
            return;
        lock (gate)
            sessions.Remove(KeyOf(id));
    }

    // Found by the digest: how long a comparison of names takes tells nothing about them.
    private static string KeyOf(string id) => Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(id)));

    private void RemoveOld()
    {
        foreach (var key in sessions.OrderBy(pair => pair.Value.Begun).Take(Math.Max(1, sessions.Count - (Most * 9 / 10))).Select(pair => pair.Key).ToArray())
            sessions.Remove(key);
    }

    private sealed record Session(Credential Credential, long Begun);
}
