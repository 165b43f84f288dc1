using DatasetCache.Store;

namespace DatasetCache.Integrity;

/// <summary>
/// Judges whole-file digests by what is known of their origin: <c>digests</c> in the cache's root. An ETag that looks like an MD5 is believed only of
/// an origin where one has agreed with its file's bytes; and a file that was fetched a second time and came out the same has an ETag that is
/// none (docs/decisions/0008).
/// </summary>
internal sealed class OriginDigests(CacheRoot root)
{
    private const string Name = "digests";

    /// <summary>An origin with more of them gives MD5s only at times: nothing it says is believed.</summary>
    public const int MostOddities = 16;

    /// <summary>A file whose digest was not its ETag. <paramref name="Inode"/> and <paramref name="Born"/>: which of its downloads that was.</summary>
    public sealed record Oddity(string ETag, string Md5, ulong Inode, long Born);

    private sealed record Known(string Origin, bool GivesMd5, IReadOnlyList<Oddity> Oddities);

    /// <summary>The faults that follow from the digests of an entry whose pieces are all as they were downloaded.</summary>
    public IReadOnlyList<FileFault> Judge(string origin, DirectoryHandle tree, IReadOnlyList<ManifestText.Line> lines, KnownDigests digests)
    {
        var agree = 0;
        var disagree = new List<(ManifestText.Line Line, string Md5)>();
        for (var i = 0; i < lines.Count; i++)
        {
            if (!EntityTag.MayBeMd5(lines[i].File.ETag) || digests.Of(i, lines[i]) is not { } md5)
                continue;
            if (EntityTag.Is(lines[i].File.ETag, md5))
                agree++;
            else
                disagree.Add((lines[i], Convert.ToHexStringLower(md5)));
        }
        if (agree == 0 && disagree.Count == 0)
            return [];
        var all = Read();
        var known = all.Find(one => string.Equals(one.Origin, origin, StringComparison.Ordinal)) ?? new Known(origin, GivesMd5: false, []);
        var after = known with { GivesMd5 = known.GivesMd5 || agree > 0 };
        var faults = new List<FileFault>();
        // Where as many disagree as agree, it is the origin's way and not the transfer's fault.
        if (after.GivesMd5 && (disagree.Count <= agree || disagree.Count == 1))
        {
            foreach (var (line, md5) in disagree)
            {
                if (after.Oddities.Count > MostOddities)
                    break;
                if (tree.Status(line.File.Path) is not { } file)
                    continue;
                var before = after.Oddities.FirstOrDefault(odd => string.Equals(odd.ETag, line.File.ETag, StringComparison.Ordinal) && string.Equals(odd.Md5, md5, StringComparison.Ordinal));
                if (before is not null && (before.Inode, before.Born) != (file.Inode, file.Born))
                    continue;
                if (before is null)
                    after = after with { Oddities = [.. after.Oddities, new Oddity(line.File.ETag, md5, file.Inode, file.Born)] };
                faults.Add(new FileFault(line.File.Path, FileFaultKind.WrongDigest, [], $"its MD5 is {md5}, and its origin's ETag {line.File.ETag}"));
            }
        }
        if (after != known)
            Write([.. all.Where(one => !string.Equals(one.Origin, origin, StringComparison.Ordinal)), after]);
        return faults;
    }

    private List<Known> Read()
    {
        var text = root.Root.TryReadAll(Name) is { } bytes ? SmallJson.Read(bytes, json => json.GetProperty("origins").EnumerateArray().Select(one => new Known(
            one.GetProperty("origin").GetString()!,
            one.GetProperty("givesMd5").GetBoolean(),
            [.. one.GetProperty("odd").EnumerateArray().Select(odd => new Oddity(
                odd.GetProperty("etag").GetString()!, odd.GetProperty("md5").GetString()!, odd.GetProperty("inode").GetUInt64(), odd.GetProperty("born").GetInt64()))])).ToList()) : null;
        return text ?? [];
    }

    private void Write(IEnumerable<Known> all)
    {
        try
        {
            root.Root.WriteAtomically(Name, SmallJson.Write(json =>
            {
                json.WriteStartArray("origins");
                foreach (var known in all)
                {
                    json.WriteStartObject();
                    json.WriteString("origin", known.Origin);
                    json.WriteBoolean("givesMd5", known.GivesMd5);
                    json.WriteStartArray("odd");
                    foreach (var odd in known.Oddities)
                    {
                        json.WriteStartObject();
                        json.WriteString("etag", odd.ETag);
                        json.WriteString("md5", odd.Md5);
                        json.WriteNumber("inode", odd.Inode);
                        json.WriteNumber("born", odd.Born);
                        json.WriteEndObject();
                    }
                    json.WriteEndArray();
                    json.WriteEndObject();
                }
                json.WriteEndArray();
            }), root.Staging);
        }
        catch (DatasetCacheException)
        {
            // Another user's: what is known of the origin is found out again.
        }
    }
}
