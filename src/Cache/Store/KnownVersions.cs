using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Store;

/// <summary>What a mutable dataset was when its origin was last asked.</summary>
/// <param name="ContentDigest">The listing's digest, a part of the entry's identity.</param>
/// <param name="CheckedAt">When the origin said so.</param>
internal sealed record KnownVersion(string ContentDigest, DateTimeOffset CheckedAt)
{
    /// <summary>Whether the origin need not be asked again yet. A clock that went back makes nothing young for ever.</summary>
    public bool IsYoungerThan(TimeSpan age, DateTimeOffset now) => (now - CheckedAt).Duration() < age;
}

/// <summary>
/// <c>versions/NAME.json</c>: the newest known version of each mutable dataset; <c>NAME.JOB.json</c>: the version that a job's first rank got, so that all its
/// ranks get the same.
/// </summary>
internal sealed class KnownVersions(CacheRoot root, TimeProvider time, string originIdentity, string prefix)
{
    /// <summary>How long a job's version is remembered.</summary>
    public static readonly TimeSpan JobMemory = TimeSpan.FromDays(30);

    private readonly string name = Digest($"{originIdentity}\n{prefix}");

    public string LockName => $"version-{name}.lock";

    public KnownVersion? Newest => Read($"{name}.json");

    public KnownVersion? OfJob(string? jobId) => jobId is null ? null : Read(JobFile(jobId));

    /// <summary>Notes what the origin has just said.</summary>
    public void Note(string contentDigest, string? jobId)
    {
        Write($"{name}.json", contentDigest);
        NoteForJob(contentDigest, jobId);
    }

    /// <summary>Notes what another cache's origin once said, unless more is known here; of what is known and not here it takes the place.</summary>
    public void NoteForeign(string contentDigest, DateTimeOffset checkedAt, Func<string, bool> isReady)
    {
        if (Newest is not { } newest || newest.CheckedAt < checkedAt || !isReady(newest.ContentDigest))
            Write($"{name}.json", contentDigest, checkedAt);
    }

    public void NoteForJob(string contentDigest, string? jobId)
    {
        if (jobId is not null && !root.IsReadOnly && !string.Equals(OfJob(jobId)?.ContentDigest, contentDigest, StringComparison.Ordinal))
            Write(JobFile(jobId), contentDigest);
    }

    /// <summary>Forgets the versions of jobs that have long ended.</summary>
    public static void Sweep(CacheRoot root, DateTimeOffset now)
    {
        foreach (var (file, _) in root.Versions.List())
        {
            if (file.Count(c => c == '.') == 2 && root.Versions.Status(file) is { } status && now - status.Modified > JobMemory)
                root.Versions.Delete(file);
        }
    }

    private string JobFile(string jobId) => $"{name}.{Digest(jobId)}.json";

    /// <summary>Where a root's room of versions has the newest one of a dataset.</summary>
    public static string FileOf(string originIdentity, string prefix) => Digest($"{originIdentity}\n{prefix}") + ".json";

    private KnownVersion? Read(string file) => root.Versions.TryReadAll(file) is { } bytes ? Parse(bytes) : null;

    /// <summary>Null where the bytes are torn or foreign.</summary>
    public static KnownVersion? Parse(byte[] bytes) => SmallJson.Read(bytes, json => new KnownVersion(
        json.GetProperty("contentDigest").GetString() ?? throw new FormatException("contentDigest is null."),
        json.GetProperty("checkedAt").GetDateTimeOffset()));

    private void Write(string file, string contentDigest, DateTimeOffset? checkedAt = null) => root.Versions.WriteAtomically(file, SmallJson.Write(json =>
    {
        json.WriteString("origin", originIdentity);
        json.WriteString("prefix", prefix);
        json.WriteString("contentDigest", contentDigest);
        json.WriteString("checkedAt", checkedAt ?? time.GetUtcNow());
    }), root.Staging);

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
}
