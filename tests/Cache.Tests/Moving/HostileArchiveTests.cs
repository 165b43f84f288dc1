using System.Text;
using DatasetCache.Integrity;
using DatasetCache.Moving;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Moving;

/// <summary>Archives that somebody made who means harm, a rule at a time: each is refused, and nothing of the entry is ready.</summary>
[Trait("Fault", "24")]
public sealed partial class HostileArchiveTests : IAsyncLifetime
{
    private readonly TwoHosts hosts = new();
    private string hash = "";
    private string key = "";
    private List<(string Name, byte[] Content)> members = [];

    public async ValueTask InitializeAsync()
    {
        hosts.Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        hosts.Fixture.Put("deep/b.jpg", MemoryOrigin.Bytes(2, Pieces.Size + 10));
        hosts.Fixture.Put("notes.txt", "alpha");
        hash = await DatasetVersionHash.ComputeAsync(["notes.txt"], _ => new ValueTask<Stream>(new MemoryStream("alpha"u8.ToArray())));
        key = await hosts.GetAsync("snap_1", hash);
        members = RawTar.Members(await hosts.ExportAsync(key));
    }

    public ValueTask DisposeAsync() => hosts.DisposeAsync();

    private async Task RefusedAsync(byte[] archive, string why, bool isReady = false, ImportLimits? limits = null)
    {
        var target = hosts.OpenTarget();
        var error = await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(target, archive, limits));
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(error.Message, char.IsControl);
        if (isReady)
            Assert.True(hosts.IsSound(Assert.Single(target.List()).CacheKey));
        else
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(hosts.There, "snapshots")).Concat(Directory.EnumerateFileSystemEntries(Path.Join(hosts.There, "entries"))));
        hosts.AssertStagingIsClean();
        hosts.AssertNothingOutside();
    }

    // dscache-archive, facts, manifest, a.jpg, deep/b.jpg, notes.txt, end.
    private RawTar Start(int count)
    {
        var tar = new RawTar();
        foreach (var (name, content) in members.Take(count))
            tar.Add(name, content);
        return tar;
    }

    private byte[] With(int index, byte[] content, string? name = null)
    {
        var changed = members.ToList();
        changed[index] = (name ?? changed[index].Name, content);
        return RawTar.Of(changed);
    }

    [Fact]
    public async Task The_archive_that_these_tests_change_is_good_as_it_is()
    {
        Assert.Equal(["dscache-archive", key + "/entry.json", key + "/manifest", key + "/files/a.jpg", key + "/files/deep/b.jpg", key + "/files/notes.txt", "dscache-archive-end"], members.Select(member => member.Name));
        var target = hosts.OpenTarget();
        Assert.False(Assert.Single((await TwoHosts.ImportAsync(target, RawTar.Of(members))).Entries).WasThere);
        Assert.True(hosts.IsSound(key));
    }

    [Theory]
    [InlineData("../../evil")]
    [InlineData("/etc/evil")]
    [InlineData("KEY/files/../../evil")]
    [InlineData("KEY/files//etc/evil")]
    [InlineData("KEY/files/./a.jpg")]
    [InlineData("KEY/files/a.jpg/")]
    [InlineData("KEY/files/deep\\b.jpg")]
    [InlineData("KEY/files/evil")]
    [InlineData("KEY/evil")]
    [InlineData("KEY/entry.json")]
    [InlineData("entries/KEY/pinned")]
    [InlineData("KEY/files/a.jpg\u0000/../../evil")]
    [InlineData("evil\nname\u001b[2J")]
    public async Task A_member_of_any_other_name_is_refused(string name)
    {
        name = name.Replace("KEY", key, StringComparison.Ordinal);
        foreach (var place in new[] { 1, 2, 3, 4 })
        {
            await RefusedAsync(Start(place).Add("x", "evil"u8.ToArray(), pax: RawTar.Record("path", name)).End(), "The archive is refused");
            if (!name.Contains('\0', StringComparison.Ordinal))
                await RefusedAsync(Start(place).Add(name, "evil").End(), "The archive is refused");
        }
        // After the last file the entry is whole and proven; the archive is refused all the same.
        await RefusedAsync(Start(6).Add("x", "evil"u8.ToArray(), pax: RawTar.Record("path", name)).End(), "The archive is refused", isReady: true);
    }

    [Theory]
    [InlineData('1')]
    [InlineData('2')]
    [InlineData('3')]
    [InlineData('4')]
    [InlineData('5')]
    [InlineData('6')]
    [InlineData('7')]
    [InlineData('g')]
    [InlineData('L')]
    [InlineData('K')]
    [InlineData('S')]
    [InlineData('V')]
    [InlineData('\u0001')]
    public async Task Links_devices_folders_and_extensions_are_refused(char type)
    {
        foreach (var place in new[] { 0, 1, 3, 4 })
            await RefusedAsync(Start(place).Add(key + "/files/deep", type is 'g' or 'L' or 'K' ? "x"u8.ToArray() : [], type, link: "/etc").End(), "a member of type");
    }

    [Fact]
    public async Task A_file_that_stands_there_twice_or_in_the_wrong_place_is_refused()
    {
        var (_, content) = members[3];
        await RefusedAsync(Start(4).Add(members[3].Name, content).End(), "stands there twice");
        await RefusedAsync(Start(3).Add(members[5].Name, members[5].Content).End(), "\"" + key + "/a.jpg\" is missing");
        await RefusedAsync(Start(6).Add(members[3].Name, content).End(), "stands there twice", isReady: true);
    }

    [Fact]
    public async Task An_entry_that_stands_there_twice_is_refused()
        => await RefusedAsync(Start(6).Add(members[1].Name, members[1].Content).Add(members[2].Name, members[2].Content).End(), "stands in it twice", isReady: true);

    [Fact]
    public async Task Sizes_that_lie_are_refused()
    {
        var (name, content) = members[3];
        await RefusedAsync(Start(3).Add(name, content[..9999]).End(), "has 9999 bytes where the manifest says 10000");
        await RefusedAsync(Start(3).Add(name, [.. content, 0]).End(), "has 10001 bytes where the manifest says 10000");
        await RefusedAsync(Start(3).Add(name, content, pax: RawTar.Record("size", "9000")).End(), "a PAX record says 9000 bytes and its header 10000");
        await RefusedAsync(Start(3).Add(name, content, size: 0, pax: RawTar.Record("size", "10000")).End(), "a PAX record says 10000 bytes and its header 0");
        await RefusedAsync(Start(3).Add(name, content, pax: RawTar.Record("size", "99999999999999999")).End(), "--max-bytes");
        await RefusedAsync(Start(3).Add(name, content, pax: RawTar.Record("size", "-1")).End(), "a PAX record");
        await RefusedAsync(Start(3).Add(name, content, mend: header => header[124] = 0x80).End(), "a number that is none");
    }

    [Theory]
    [InlineData("linkpath", "/etc/passwd")]
    [InlineData("GNU.sparse.realsize", "1000000")]
    [InlineData("SCHILY.xattr.user.x", "y")]
    public async Task PAX_records_that_no_export_writes_are_refused(string record, string value)
        => await RefusedAsync(Start(3).Add(members[3].Name, members[3].Content, pax: RawTar.Record(record, value)).End(), "a PAX record");

    [Theory]
    [InlineData("99 path=x\n")]
    [InlineData("0 path=x\n")]
    [InlineData("-1 path=x\n")]
    [InlineData("path=x\n")]
    [InlineData("10 path=xyzzy\n")]
    [InlineData("7 pathx\n")]
    [InlineData("5 =x\n")]
    [InlineData("999999999999 path=x\n")]
    public async Task PAX_headers_that_make_no_sense_are_refused(string pax)
        => await RefusedAsync(Start(3).Add(members[3].Name, members[3].Content, pax: pax).End(), "a PAX");

    [Fact]
    public async Task A_PAX_header_that_says_a_thing_twice_or_stands_twice_or_is_no_UTF8_is_refused()
    {
        var record = RawTar.Record("path", members[3].Name);
        await RefusedAsync(Start(3).Add(members[3].Name, members[3].Content, pax: record + record).End(), "says something twice");
        await RefusedAsync(Start(3).Add("x", Encoding.UTF8.GetBytes(record), 'x').Add(members[3].Name, members[3].Content, pax: record).End(), "a member of type 'x'");
        await RefusedAsync(Start(3).Add("x", [.. "9 path="u8, 0xFF, (byte)'\n'], 'x').End(), "is not UTF-8");
    }

    [Fault(24)]
    public async Task Names_that_climb_out_links_and_bombs_are_refused_and_the_same_archive_is_taken_without_them()
    {
        var fault = new FaultCase(24);
        fault.Guard(Path.GetDirectoryName(hosts.There)!, hosts.There, hosts.Fixture.Root, hosts.Fixture.Jobs);
        var before = GC.GetTotalAllocatedBytes(precise: true);
        foreach (var (archive, why) in ((byte[], string)[])[
            .. new[] { key + "/files/../../../evil", key + "/files/deep/../../../../evil" }.Select(name => (Start(3).Add(name, "evil").End(), "is not in its entry's manifest")),
            .. new[] { "../../evil", "/etc/evil" }.Select(name => (Start(3).Add(name, "evil").End(), "is missing")),
            .. "123456".Select(type => (Start(3).Add(key + "/files/deep", [], type, link: "/etc").End(), $"a member of type '{type}'")),
            (Start(3).Add("x", [], 'x', size: 2_000_000_000).End(), "a PAX header is too long"),
            (Start(2).Add(members[2].Name, [], size: 900_000_000).End(), "or is too long"),
            (Start(0).Add(members[0].Name, [], size: 7_000_000_000).End(), "more than 1,000,000,000 bytes")])
        {
            // For its own reason, and not for one that only this archive has.
            Assert.Contains(why, (await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(hosts.OpenTarget(), archive))).Message, StringComparison.Ordinal);
            fault.Fired();
            fault.NoOrphans(hosts.There);
        }
        await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(hosts.OpenTarget(), RawTar.Of(members), new ImportLimits { MaxEntries = 4 }));
        await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(hosts.OpenTarget(), RawTar.Of(members), new ImportLimits { MaxBytes = 5_000 }));
        fault.Worst(GC.GetTotalAllocatedBytes(precise: true) - before, "bytes allocated, of 9.9 GB declared");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 200_000_000);
        await fault.HealsAsync(() => TwoHosts.ImportAsync(hosts.OpenTarget(), RawTar.Of(members)));
        fault.Whole(hosts.IsSound(key), key);
        await using (var imported = await hosts.OpenTarget().AcquireAsync(hosts.Fixture.Request(hash: hash)))
            fault.ReadOnce(imported.BytesFromOrigin);
        fault.NoOrphans(hosts.There);
        fault.End();
    }

    [Fact]
    public async Task Bombs_by_declaration_cost_neither_memory_nor_disk()
    {
        var before = GC.GetTotalAllocatedBytes(precise: true);
        // A PAX header of 2 GB, for which System.Formats.Tar would allocate 2 GB.
        await RefusedAsync(Start(3).Add("x", [], 'x', size: 2_000_000_000).End(), "a PAX header is too long");
        await RefusedAsync(Start(1).Add(members[1].Name, [], size: 500_000_000).End(), "is too long");
        await RefusedAsync(Start(2).Add(members[2].Name, [], size: 900_000_000).End(), "or is too long");
        await RefusedAsync(Start(2).Add(members[2].Name, [], size: 200_000_000).End(), "ends too early");
        await RefusedAsync(Start(0).Add(members[0].Name, [], size: 7_000_000_000).End(), "more than 1,000,000,000 bytes");
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 100_000_000);
    }

    [Fact]
    public async Task More_files_or_bytes_than_allowed_are_refused_before_they_are_written()
    {
        var archive = RawTar.Of(members);
        await RefusedAsync(archive, "more than 4 members (--max-entries)", limits: new ImportLimits { MaxEntries = 4 });
        var (facts, manifest) = Forge([("a", []), ("b", []), ("c", []), ("d", [])]);
        await RefusedAsync(RawTar.Of([members[0], (members[1].Name, facts), (members[2].Name, manifest)]), "has 4 files, more than --max-entries", limits: new ImportLimits { MaxEntries = 3 });
    }

    [Fact]
    public async Task A_manifest_that_declares_more_than_the_cap_is_refused_before_its_first_byte()
    {
        var archive = RawTar.Of(members);
        var bytes = members.Sum(member => (long)member.Content.Length);
        await RefusedAsync(archive, "it holds more than", limits: new ImportLimits { MaxBytes = bytes - 20 });
        // Cut after the manifest: the refusal does not wait for the files.
        await RefusedAsync(Start(3).Cut(), "it holds more than", limits: new ImportLimits { MaxBytes = 5000 });
        var target = hosts.OpenTarget();
        await TwoHosts.ImportAsync(target, archive, new ImportLimits { MaxBytes = bytes, MaxEntries = 7 });
        Assert.True(hosts.IsSound(key));
    }

    [Fact]
    public async Task What_never_ends_is_refused()
    {
        await RefusedAsync(Start(7).Raw(new byte[2 << 20]).End(), "its padding has no end", isReady: true);
        await RefusedAsync(Start(7).Raw(new byte[1024]).Add("more", "x").End(), "something follows", isReady: true);
    }

    [Fact]
    public async Task A_changed_byte_anywhere_in_a_file_is_refused()
    {
        foreach (var (index, at) in new[] { (3, 0), (3, 9999), (4, 5), (4, Pieces.Size + 9), (5, 2) })
        {
            var content = members[index].Content.ToArray();
            content[at] ^= 1;
            await RefusedAsync(With(index, content), "does not have the checksum");
        }
    }

    [Fact]
    public async Task A_changed_byte_anywhere_in_the_manifest_is_refused()
    {
        for (var at = 0; at < members[2].Content.Length; at += 5)
        {
            var content = members[2].Content.ToArray();
            content[at] ^= 1;
            await RefusedAsync(With(2, content), "its manifest is torn");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("dscache-archive 2\n")]
    [InlineData("x")]
    public async Task An_archive_of_another_kind_or_a_newer_format_is_refused(string header) => await RefusedAsync(With(0, Encoding.UTF8.GetBytes(header)), "a newer version wrote it");

    [Fact]
    public async Task What_is_no_tar_is_refused()
    {
        await RefusedAsync(MemoryOrigin.Bytes(1, 100_000), "no ustar header");
        await RefusedAsync([], "ends too early");
        await RefusedAsync(new byte[10_240], "ends too early");
        await RefusedAsync(Start(3).Raw(MemoryOrigin.Bytes(1, 5120)).End(), "no ustar header");
        var wrong = Start(7).End();
        wrong[150] ^= 1;
        await RefusedAsync(wrong, "checksum");
        await RefusedAsync(With(6, "entries 2\n"u8.ToArray()), "does not say that 1", isReady: true);
    }

    [Fact]
    [Trait("Fault", "23")]
    public async Task A_planted_link_in_staging_is_not_followed()
    {
        var target = hosts.OpenTarget();
        var victim = Path.Join(Path.GetDirectoryName(hosts.There), "jobs");
        Directory.CreateDirectory(victim);
        var name = Path.GetFileName(Directory.CreateDirectory(Path.Join(hosts.There, "staging", "x")).FullName);
        Directory.Delete(Path.Join(hosts.There, "staging", name));
        var entry = ForeignEntry.Check(EntryRecord.FromJson(members[1].Content), out _)!;
        var area = Path.Join(hosts.There, "staging", $"{entry.Identity.ShortName}~{entry.Identity.Digest[..16]}~import");
        Directory.CreateDirectory(area);
        Directory.CreateSymbolicLink(Path.Join(area, "tree"), victim);
        File.CreateSymbolicLink(Path.Join(area, "manifest"), Path.Join(victim, "manifest"));
        await TwoHosts.ImportAsync(target, RawTar.Of(members));
        Assert.Empty(Directory.EnumerateFileSystemEntries(victim));
        Assert.True(hosts.IsSound(key));
        hosts.AssertStagingIsClean();
    }

    /// <summary>Facts and manifest for other files, in which all sums are right.</summary>
    private (byte[] Facts, byte[] Manifest) Forge((string Path, byte[] Content)[] files)
    {
        var manifest = new DatasetCache.Datasets.Manifest(files.Select(file => new DatasetCache.Datasets.ManifestFile(file.Path, file.Content.Length, "etag")));
        var lines = manifest.Files.Select((file, i) => $"{file.Size}\t{file.ETag}\t{Crc32C.Of(files.First(other => other.Path == file.Path).Content):x8}\t{file.Path}");
        var record = EntryRecord.FromJson(members[1].Content)!;
        return ((record with { ManifestDigest = manifest.Digest, Files = files.Length, Bytes = manifest.Bytes }).ToJson(), Sealed(["dscache-manifest 1", .. lines]));
    }

    private static byte[] Sealed(string[] lines)
    {
        var text = Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");
        return [.. text, .. Encoding.UTF8.GetBytes($"end {lines.Length - 1} {Crc32C.Of(text):x8}\n")];
    }
}
