using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace DatasetCache.Testing.Faults;

/// <summary>
/// One run of a case of the fault table: it knows how often the fault struck, which invariants were checked and what was lost at worst. A test makes one at its start, checks by it, and
/// calls <see cref="End"/> when all is well; a case that never ended has failed.
/// </summary>
public sealed class FaultCase(int number, [CallerMemberName] string test = "")
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Stopwatch watch = Stopwatch.StartNew();
    private readonly SortedSet<string> invariants = new(StringComparer.Ordinal);
    private readonly Dictionary<string, double> worst = new(StringComparer.Ordinal);
    private readonly List<Surroundings> guarded = [];
    private long fired;

    /// <summary>Whether cases may take their long form: <c>./test.sh faults --long</c>.</summary>
    public static bool IsLong => Environment.GetEnvironmentVariable("DSCACHE_TEST_LONG") is "1";

    /// <summary>What makes the same run again; null where nothing is drawn.</summary>
    public string? Seed { get; init; }

    public long Fires => Volatile.Read(ref fired);

    /// <summary>The fault struck so many times more.</summary>
    public void Fired(long times = 1) => Interlocked.Add(ref fired, times);

    /// <summary>Something was lost, doubled or waited for; the largest of its unit counts.</summary>
    /// <param name="value">How much.</param>
    /// <param name="unit">For example <c>bytes read twice</c>.</param>
    public void Worst(double value, string unit)
    {
        lock (worst)
            worst[unit] = Math.Max(value, worst.GetValueOrDefault(unit));
    }

    /// <summary>I1: the folder that was handed out holds exactly these files with exactly these bytes.</summary>
    public void HandedOut(string path, IEnumerable<KeyValuePair<string, byte[]>> contents)
    {
        var left = contents.ToDictionary(StringComparer.Ordinal);
        // A link to a folder is not gone into without its slash.
        foreach (var file in Directory.EnumerateFiles(path + "/", "*", SearchOption.AllDirectories))
        {
            var name = Path.GetRelativePath(path, file);
            Require(left.Remove(name, out var expected), $"I1: {path} holds {name}, which is not of the dataset");
            Require(File.ReadAllBytes(file).AsSpan().SequenceEqual(expected), $"I1: {file} has other bytes than the dataset");
        }
        Require(left.Count == 0, $"I1: {path} lacks {string.Join(", ", left.Keys.Take(5))}");
        Checked("I1");
    }

    /// <summary>I1, where it was checked by other means.</summary>
    public void Whole(bool isWhole, string what)
    {
        Require(isWhole, $"I1: {what} is not what its manifest says");
        Checked("I1");
    }

    /// <summary>I2: of what somebody holds nothing was read from the origin again, but what the fault itself cost.</summary>
    /// <param name="repeated">Bytes that were read twice.</param>
    /// <param name="allowed">How many the case's rule grants.</param>
    public void ReadOnce(long repeated, long allowed = 0)
    {
        Require(repeated <= allowed, $"I2: {repeated} bytes were read from the origin twice, {allowed} were granted");
        Worst(repeated, "bytes read twice");
        Checked("I2");
    }

    /// <summary>I3: from here to <see cref="End"/> nothing in the folder changes, but below the paths that are named.</summary>
    public void Guard(string folder, params IEnumerable<string> but) => guarded.Add(new Surroundings(folder, [.. but]));

    /// <summary>I3: what is leased, linked or pinned is still there.</summary>
    public void Kept(bool isThere, string what)
    {
        Require(isThere, $"I3: {what} was protected, and is gone");
        Checked("I3");
    }

    /// <summary>I4: this succeeds within 60 s of the fault's end, without anybody's help.</summary>
    public async Task<T> HealsAsync<T>(Func<Task<T>> use)
    {
        var since = Stopwatch.GetTimestamp();
        var result = await use().WaitAsync(Patience);
        Healed(Stopwatch.GetElapsedTime(since));
        return result;
    }

    /// <summary>I4, where the time is a simulated one.</summary>
    public void Healed(TimeSpan afterFault)
    {
        Require(afterFault <= Patience, $"I4: it took {afterFault.TotalSeconds} s to heal");
        Worst(Math.Max(0, afterFault.TotalSeconds), "s to heal");
        Checked("I4");
    }

    /// <summary>I5: after the sweep nothing is left in the root's staging but its two permanent locks.</summary>
    public void NoOrphans(string root)
    {
        var left = Directory.EnumerateFileSystemEntries(Path.Join(root, "staging")).Select(Path.GetFileName).Except(["naming.lock", "space.lock"]).ToArray();
        Require(left.Length == 0, $"I5: staging holds {string.Join(", ", left)}");
        Checked("I5");
    }

    /// <summary>I3: looks at once at what this case guards, for another that is made of many small ones.</summary>
    public void AssertUntouched(FaultCase whole)
    {
        foreach (var changes in guarded.Select(surroundings => surroundings.Changes()))
            Require(changes.Count == 0, $"I3: outside the cache root these changed: {string.Join(", ", changes.Take(5))}");
        whole.Checked("I3");
    }

    /// <summary>All is well. Fails where the fault never struck (I6), and writes the case down where <c>DSCACHE_TEST_FAULTS</c> names a file.</summary>
    public void End()
    {
        if (guarded.Count > 0)
            AssertUntouched(this);
        Require(Fires > 0, $"I6: the fault of case {number} never struck");
        Require(invariants.Count > 0, $"case {number} checked no invariant");
        if (Environment.GetEnvironmentVariable("DSCACHE_TEST_FAULTS") is not { Length: > 0 } path)
            return;
        var line = JsonSerializer.SerializeToUtf8Bytes(new FaultRecord(number, test, Fires, [.. invariants], worst, Seed, watch.Elapsed.TotalSeconds));
        Require(SpinWait.SpinUntil(() => TryAppend(path, [.. line, (byte)'\n']), Patience), $"{path} cannot be written to");
    }

    // Several tests and processes do so at a time; .NET looks for the file's end before it writes and not with the write, so only one may have it open.
    private static bool TryAppend(string path, byte[] line)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
            file.Write(line);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private void Checked(string invariant)
    {
        lock (invariants)
            invariants.Add(invariant);
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
            throw new InvalidOperationException(message);
    }
}

/// <summary>What a case that passed has to say: a line of the file that <c>DSCACHE_TEST_FAULTS</c> names.</summary>
public sealed record FaultRecord(int Case, string Test, long Fired, IReadOnlyList<string> Invariants, IReadOnlyDictionary<string, double> Worst, string? Seed, double Seconds);
