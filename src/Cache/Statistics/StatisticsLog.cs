using System.Globalization;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Statistics;

/// <summary>
/// <c>stats/YYYY-MM-DD</c>, a file per day (UTC) to which everybody appends: one write per event, which the kernel puts whole behind what others
/// append at the same time. Writing never fails a call: a count that is lost harms nothing.
/// </summary>
internal sealed class StatisticsLog(CacheRoot root, TimeProvider time)
{
    public const string Room = "stats";

    /// <summary>Days that are kept: a year and what a comparison with the year before needs.</summary>
    public const int KeptDays = 400;

    // What a past day's file may be before it is added up by key. 400 of them are 26 MB.
    private const int LargestPastDay = 64 * 1024;
    private const int KeysOfPastDay = 200;
    private const int DayLength = 10;

    private DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    /// <summary>A dataset was handed out.</summary>
    public void Served(string cacheKey, AcquireOutcome outcome, long bytes, long bytesFromOrigin) => Append(cacheKey, new UsageTally
    {
        Hits = outcome == AcquireOutcome.Hit ? 1 : 0,
        Misses = outcome == AcquireOutcome.Miss ? 1 : 0,
        BytesServed = bytes,
        // What was read twice must not count as a loss.
        BytesSaved = Math.Max(0, bytes - bytesFromOrigin),
    });

    /// <summary>What healing read outside of an acquisition.</summary>
    public void Healed(long bytesFromOrigin)
    {
        if (bytesFromOrigin > 0)
            Append("", new UsageTally { BytesFromOrigin = bytesFromOrigin });
    }

    public void Evicted(string cacheKey, long bytes) => Append(cacheKey, new UsageTally { Evictions = 1, BytesEvicted = bytes });

    /// <summary>Waits for an acquisition and notes what it read, however it ends and whoever of its callers is still there by then.</summary>
    public async Task<Acquired> WatchAsync(Task<Acquired> acquisition, TransferMeter meter)
    {
        var failures = 1;
        try
        {
            var acquired = await acquisition;
            failures = 0;
            return acquired;
        }
        finally
        {
            if (failures > 0 || meter.BytesFromOrigin > 0)
                Append("", new UsageTally { Failures = failures, BytesFromOrigin = meter.BytesFromOrigin });
        }
    }

    private void Append(string cacheKey, in UsageTally tally)
    {
        Span<byte> record = stackalloc byte[TallyRecord.Size];
        TallyRecord.Write(record, cacheKey, tally);
        try
        {
            using var file = Open(Today);
            file?.Append(record);
        }
        catch (DatasetCacheException)
        {
            // A full or read-only disk. The reader passes over a torn record.
        }
    }

    private FileHandle? Open(DateOnly today)
    {
        var name = $"{Room}/{Name(today)}";
        if (root.Root.TryOpenAppend(name, create: false, out var errno) is { } there)
            return there;
        if (errno == Syscalls.ENOENT)
        {
            if (root.Root.Status(Room) is null)
                root.Root.MakeDirectories(Room);
            // The first of the day tidies up after the days before.
            Tidy(today);
            return root.Root.TryOpenAppend(name, create: true, out _);
        }
        // Another user's file: one of our own beside it, if the folder lets us.
        return errno is Syscalls.EACCES or Syscalls.EPERM
            ? root.Root.TryOpenAppend($"{name}.{Syscalls.EffectiveUser().ToString(CultureInfo.InvariantCulture)}", create: true, out _)
            : null;
    }

    /// <summary>Adds up the days from <paramref name="from"/> to <paramref name="to"/>, both included.</summary>
    public UsageStatistics Read(DateOnly from, DateOnly to)
    {
        var days = new SortedDictionary<DateOnly, UsageTally>();
        var keys = new Dictionary<string, UsageTally>(StringComparer.Ordinal);
        using (var room = root.Root.TryOpenDirectory(Room))
        {
            foreach (var (name, _) in room?.List() ?? [])
            {
                if (DayOf(name) is { } day && day >= from && day <= to)
                    days[day] = days.GetValueOrDefault(day) + AddUp(room!, name, keys);
            }
        }
        return new UsageStatistics(from, to, days.Values.Aggregate(default(UsageTally), UsageTally.Add), [.. days.Select(day => new DayStatistics(day.Key, day.Value))],
            [.. keys.Select(entry => new EntryStatistics(entry.Key, entry.Value)).Where(entry => entry.CacheKey.Length > 0)
                .OrderByDescending(entry => entry.Tally.Requests).ThenBy(entry => entry.CacheKey, StringComparer.Ordinal)]);
    }

    // A file per day and user: whoever adds up a past day writes it anew as one record per key, and the rest in one without a key. Two days are long enough
    // for a process that was late to append.
    private void Tidy(DateOnly today)
    {
        using var room = root.Root.OpenDirectory(Room);
        foreach (var (name, _) in room.List())
        {
            if (DayOf(name) is not { } day)
                continue;
            try
            {
                if (day < today.AddDays(-KeptDays))
                    room.Delete(name);
                else if (day < today.AddDays(-1) && room.Status(name) is { Size: > LargestPastDay })
                    Compact(room, name);
            }
            catch (DatasetCacheException)
            {
                // Another user's: it stays until that one comes by.
            }
        }
    }

    private void Compact(DirectoryHandle room, string name)
    {
        var keys = new Dictionary<string, UsageTally>(StringComparer.Ordinal);
        AddUp(room, name, keys);
        var rest = keys.GetValueOrDefault("");
        keys.Remove("");
        var kept = keys.OrderByDescending(entry => entry.Value.Requests).ThenBy(entry => entry.Key, StringComparer.Ordinal).Take(KeysOfPastDay).ToArray();
        foreach (var (key, _) in kept)
            keys.Remove(key);
        rest = keys.Values.Aggregate(rest, UsageTally.Add);
        var bytes = new byte[(kept.Length + 1) * TallyRecord.Size];
        TallyRecord.Write(bytes, "", rest);
        for (var i = 0; i < kept.Length; i++)
            TallyRecord.Write(bytes.AsSpan((i + 1) * TallyRecord.Size), kept[i].Key, kept[i].Value);
        room.WriteAtomically(name, bytes, root.Staging);
    }

    private static UsageTally AddUp(DirectoryHandle room, string name, Dictionary<string, UsageTally> keys)
    {
        var total = default(UsageTally);
        using var file = room.TryOpen(name);
        if (file is null)
            return total;
        var buffer = new byte[LargestPastDay];
        var (offset, held) = (0L, 0);
        while (true)
        {
            var read = file.Read(buffer.AsSpan(held), offset + held);
            held += read;
            var at = 0;
            while (held - at >= TallyRecord.Size)
            {
                if (!TallyRecord.TryRead(buffer.AsSpan(at, TallyRecord.Size), out var key, out var tally))
                {
                    at++;
                    continue;
                }
                total += tally;
                keys[key] = keys.GetValueOrDefault(key) + tally;
                at += TallyRecord.Size;
            }
            if (read == 0)
                return total;
            buffer.AsSpan(at, held - at).CopyTo(buffer);
            offset += at;
            held -= at;
        }
    }

    private static string Name(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    private static DateOnly? DayOf(string name)
        => name.Length >= DayLength && DateOnly.TryParseExact(name.AsSpan(0, DayLength), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var day) ? day : null;
}
