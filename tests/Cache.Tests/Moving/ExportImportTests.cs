using System.Diagnostics;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Moving;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Moving;

public sealed class ExportImportTests : IAsyncDisposable
{
    private readonly TwoHosts hosts = new();

    public ValueTask DisposeAsync() => hosts.DisposeAsync();

    private CacheFixture Fixture => hosts.Fixture;

    private const int Large = (2 * Pieces.Size) + 12_345;

    [Fact]
    public async Task Entries_that_share_files_arrive_whole_and_share_them_again_and_no_network_is_needed()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 300_000));
        Fixture.Put("deep/er/b.jpg", MemoryOrigin.Bytes(2, Large));
        Fixture.Put("empty", []);
        Fixture.Put("small.txt", "alpha");
        var name = string.Join('/', Enumerable.Repeat(new string('é', 100), 3)) + "/ü.bin";
        Fixture.Put(name, MemoryOrigin.Bytes(3, 5000));
        var first = await hosts.GetAsync("snap_1");
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(4, 300_001));
        var second = await hosts.GetAsync("snap_2");
        using var stream = new MemoryStream();
        var exported = await hosts.Source.ExportAsync([second, first], stream);
        Assert.Equal([first, second], exported.Entries.Select(entry => entry.CacheKey));
        Assert.Equal([0, Large + 5000], exported.Entries.Select(entry => entry.SharedBytes));
        Assert.Equal(stream.Length, exported.ArchiveBytes);
        Assert.InRange(stream.Length, Large, Large + 700_000);

        var target = hosts.OpenTarget();
        var imported = await TwoHosts.ImportAsync(target, stream.ToArray());
        Assert.Equal([(first, false, 0L), (second, false, Large + 5005L)], imported.Entries.Select(entry => (entry.CacheKey, entry.WasThere, entry.LinkedBytes)));
        Assert.Equal(stream.Length, imported.ArchiveBytes);
        var (listings, reads) = (Fixture.Origin.Listings, Fixture.Origin.Reads);
        await using var lease = await target.AcquireAsync(Fixture.Request(snapshot: "snap_2"));
        Assert.Equal((AcquireOutcome.Hit, listings, reads), (lease.Outcome, Fixture.Origin.Listings, Fixture.Origin.Reads));
        Fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/er/b.jpg", "empty", "small.txt", name);
        await using var old = await target.AcquireAsync(Fixture.Request(snapshot: "snap_1"));
        Assert.Equal(MemoryOrigin.Bytes(1, 300_000), await File.ReadAllBytesAsync(Path.Join(old.Path, "a.jpg")));
        using var tree = new FileSystem().OpenRoot(lease.Path);
        Assert.Equal((2u, 0x124u, 1u), (tree.Status("deep/er/b.jpg")!.Value.Links, tree.Status("deep/er/b.jpg")!.Value.Mode, tree.Status("a.jpg")!.Value.Links));
        Assert.Equal(hosts.Source.Inspect(second)!.OwnBytes, target.Inspect(second)!.OwnBytes);
        Assert.True(hosts.IsSound(first) && hosts.IsSound(second));

        var again = await TwoHosts.ImportAsync(target, stream.ToArray());
        Assert.All(again.Entries, entry => Assert.True(entry.WasThere));
        hosts.AssertStagingIsClean();
    }

    [Fact]
    public async Task What_an_entry_shares_comes_from_any_entry_of_the_host_that_has_it()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 300_000));
        Fixture.Put("b.jpg", MemoryOrigin.Bytes(2, 70_000));
        var first = await hosts.GetAsync("snap_1");
        var second = await hosts.GetAsync("snap_2");
        var both = await hosts.ExportAsync(first, second);
        var alone = await hosts.ExportAsync(second);
        var target = hosts.OpenTarget();
        // The second half of an archive of both, by hand: without the first entry nobody has its files.
        var members = RawTar.Members(both);
        var orphan = RawTar.Of([members[0], .. members.Where(member => member.Name.StartsWith(second + "/", StringComparison.Ordinal)), ("dscache-archive-end", "entries 1\n"u8.ToArray())]);
        var error = await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(target, orphan));
        Assert.Contains("no entry of this host has it", error.Message, StringComparison.Ordinal);
        Assert.Empty(target.List());

        await TwoHosts.ImportAsync(target, await hosts.ExportAsync(first));
        Assert.Equal(370_000, Assert.Single((await TwoHosts.ImportAsync(target, orphan)).Entries).LinkedBytes);
        Assert.True(hosts.IsSound(second));
        // And an archive that carries them anyhow links them too.
        await target.EvictAsync(second);
        Assert.Equal(370_000, Assert.Single((await TwoHosts.ImportAsync(target, alone)).Entries).LinkedBytes);
        Assert.True(hosts.IsSound(second));
        hosts.AssertStagingIsClean();
    }

    [Fact]
    public async Task The_tools_of_others_read_an_archive()
    {
        Fixture.Put("deep/a.jpg", MemoryOrigin.Bytes(1, 300_000));
        var key = await hosts.GetAsync("snap_1");
        var file = Path.Join(Fixture.Jobs, "out.tar");
        Directory.CreateDirectory(Fixture.Jobs);
        await hosts.Source.ExportAsync([key], file);
        using var tar = Process.Start(new ProcessStartInfo("tar", ["-xf", file, "-C", Fixture.Jobs]) { RedirectStandardError = true, UseShellExecute = false })!;
        await tar.WaitForExitAsync();
        Assert.Equal((0, ""), (tar.ExitCode, await tar.StandardError.ReadToEndAsync()));
        Assert.Equal(MemoryOrigin.Bytes(1, 300_000), await File.ReadAllBytesAsync(Path.Join(Fixture.Jobs, key, "files/deep/a.jpg")));
        Assert.Equal(["out.tar", key, "dscache-archive", "dscache-archive-end"], Directory.EnumerateFileSystemEntries(Fixture.Jobs).Select(Path.GetFileName).OrderByDescending(found => found is "out.tar").ThenByDescending(found => found == key).ThenBy(found => found));
    }

    [Fact]
    public async Task Offline_finds_an_imported_version_of_a_mutable_dataset_and_online_its_origin_is_asked()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        var request = new AcquireRequest { Dataset = new DatasetRef { Origin = "datasets/cats", Selection = new Selection { Mode = SelectionMode.All } } };
        string key;
        await using (var got = await hosts.Source.AcquireAsync(request))
            key = got.CacheKey;
        var archive = await hosts.ExportAsync(key);
        var target = hosts.OpenTarget();
        await Assert.ThrowsAsync<OfflineException>(() => target.AcquireAsync(request));
        await TwoHosts.ImportAsync(target, archive);
        await using (var lease = await target.AcquireAsync(request))
            Assert.Equal((key, AcquireOutcome.Hit), (lease.CacheKey, lease.Outcome));

        var listings = Fixture.Origin.Listings;
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(2, 10_000));
        var online = Fixture.Open(options => options with { Root = hosts.There, FreshnessTtl = TimeSpan.Zero });
        await using (var lease = await online.AcquireAsync(request))
            Assert.NotEqual(key, lease.CacheKey);
        Assert.Equal(listings + 1, Fixture.Origin.Listings);
        // What the origin said since is not forgotten for an older word.
        await TwoHosts.ImportAsync(target, archive);
        await using (var lease = await target.AcquireAsync(request))
            Assert.NotEqual(key, lease.CacheKey);
    }

    [Fact]
    public async Task A_broken_entry_is_not_exported_and_no_file_is_left()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        var whole = await hosts.GetAsync("snap_1", selection: new Selection { Mode = SelectionMode.All, Include = ["a.jpg"] });
        Fixture.Put("b.jpg", MemoryOrigin.Bytes(2, Large));
        var broken = await hosts.GetAsync("snap_2");
        Flip(Path.Join(Fixture.Root, "snapshots", broken, "b.jpg"), Pieces.Size + 17);
        Directory.CreateDirectory(Fixture.Jobs);
        var file = Path.Join(Fixture.Jobs, "out.tar");
        var error = await Assert.ThrowsAsync<IntegrityException>(() => hosts.Source.ExportAsync([whole, broken], file));
        Assert.Contains("b.jpg: piece 1 of 3 does not have its checksum", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Fixture.Jobs));

        // A pipe has taken what came before: it gets no end, and an import takes the whole entry only.
        using var pipe = new MemoryStream();
        await Assert.ThrowsAsync<IntegrityException>(() => hosts.Source.ExportAsync([whole, broken], pipe));
        var target = hosts.OpenTarget();
        var refused = await Assert.ThrowsAsync<IntegrityException>(() => TwoHosts.ImportAsync(target, pipe.ToArray()));
        Assert.Contains($"Ready before that: {whole}.", refused.Message, StringComparison.Ordinal);
        Assert.Equal([whole], target.List().Select(entry => entry.CacheKey));
        hosts.AssertStagingIsClean();

        File.Delete(Path.Join(Fixture.Root, "snapshots", broken, "b.jpg"));
        Assert.Contains("missing", (await Assert.ThrowsAsync<IntegrityException>(() => hosts.Source.ExportAsync([broken], new MemoryStream()))).Message, StringComparison.Ordinal);
        using var nothing = new MemoryStream();
        await Assert.ThrowsAsync<DatasetNotFoundException>(() => hosts.Source.ExportAsync([whole, "none"], nothing));
        Assert.Equal(0, nothing.Length);
    }

    [Fact]
    public async Task An_export_replaces_its_file_in_one_step_and_writes_to_a_device_as_it_is()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        var key = await hosts.GetAsync("snap_1");
        Directory.CreateDirectory(Fixture.Jobs);
        var file = Path.Join(Fixture.Jobs, "out.tar");
        await File.WriteAllTextAsync(file, "old");
        await File.WriteAllTextAsync(file + ".partial", "of an export that was killed");
        await hosts.Source.ExportAsync([key], file);
        Assert.Equal(await hosts.ExportAsync(key), await File.ReadAllBytesAsync(file));
        Assert.Equal([file], Directory.EnumerateFileSystemEntries(Fixture.Jobs));
        await hosts.Source.ExportAsync([key], "/dev/null");
        Assert.Equal(0, new FileInfo("/dev/null").Length);
        await Assert.ThrowsAsync<InvalidRequestException>(() => hosts.Source.ExportAsync([key], Fixture.Jobs));
        await Assert.ThrowsAsync<StorageException>(() => hosts.Source.ExportAsync([key], Path.Join(Fixture.Jobs, "none/out.tar")));

        using var writing = new FileSystem().OpenRoot(Fixture.Jobs);
        using var held = writing.Create("out.tar.partial", 0x1A4);
        held.TryLock(exclusive: true);
        await Assert.ThrowsAsync<LockTimeoutException>(() => hosts.Source.ExportAsync([key], file));
    }

    [Fact]
    public async Task An_entry_is_leased_while_it_is_exported()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, Large));
        var key = await hosts.GetAsync("snap_1");
        var leased = false;
        await hosts.Source.ExportAsync([key], new Watched(() => leased = hosts.Source.Inspect(key)!.IsLeased));
        Assert.True(leased);
        Assert.False(hosts.Source.Inspect(key)!.IsLeased);
    }

    [Fact]
    public async Task A_version_hash_is_computed_again_where_all_metadata_are_there()
    {
        Fixture.Put("a.jpg", MemoryOrigin.Bytes(1, 10_000));
        Fixture.Put("notes.txt", "alpha");
        var hash = await DatasetVersionHash.ComputeAsync(["notes.txt"], _ => new ValueTask<Stream>(new MemoryStream("alpha"u8.ToArray())));
        var key = await hosts.GetAsync("snap_1", hash);
        var images = await hosts.GetAsync("snap_1", hash, new Selection { Mode = SelectionMode.All, Include = ["*.jpg"] });
        var archive = await hosts.ExportAsync(key, images);
        var target = hosts.OpenTarget();
        await TwoHosts.ImportAsync(target, archive);
        await using var lease = await target.AcquireAsync(Fixture.Request(snapshot: "snap_1", hash: hash));
        Fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "notes.txt");
        Assert.Equal(2, target.List().Count);
    }

    [Fact]
    public async Task A_file_of_more_than_8_GiB_has_a_size_that_the_import_reads()
    {
        const long size = (9L << 30) + 5;
        Fixture.Put("a.bin", MemoryOrigin.Bytes(1, 10));
        var key = await hosts.GetAsync("snap_1");
        // A hole stands for it: what is exported is read from it all the same.
        var zeros = new byte[Pieces.Size];
        var whole = Crc32C.Of(zeros);
        var checksums = Enumerable.Repeat(whole, Pieces.CountFor(size) - 1).Append(Crc32C.Of(zeros.AsSpan(0, 5))).ToArray();
        var path = Path.Join(Fixture.Root, "snapshots", key, "a.bin");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = File.Open(path, FileMode.Open))
            file.SetLength(0);
        await using (var file = File.Open(path, FileMode.Open))
            file.SetLength(size);
        var manifest = new Manifest([new ManifestFile("a.bin", size, "etag")]);
        var pieces = new Pieces(manifest);
        pieces.CompleteAll(0, checksums);
        using (var entry = new FileSystem().OpenRoot(Path.Join(Fixture.Root, "entries", key)))
        {
            entry.Delete("manifest");
            using var text = entry.Create("manifest", 0x124);
            ManifestText.Write(text, manifest, pieces);
        }
        // Its first megabytes hold the header; all of it would take a minute here.
        var head = new Head { Limit = 16 << 20 };
        await Assert.ThrowsAsync<EndOfStreamException>(() => hosts.Source.ExportAsync([key], head));
        var reader = new ArchiveReader(new MemoryStream(head.Bytes), 100, CancellationToken.None);
        ArchiveReader.Member member;
        do
            member = reader.Next();
        while (!member.Name.EndsWith("/files/a.bin", StringComparison.Ordinal));
        Assert.Equal(size, member.Size);
    }

    internal static void Flip(string path, long at)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var file = File.Open(path, FileMode.Open);
        file.Position = at;
        var old = file.ReadByte();
        file.Position = at;
        file.WriteByte((byte)(old ^ 4));
    }

    /// <summary>Keeps what is written, and breaks when it is too much.</summary>
    private class Head : Stream
    {
        private readonly MemoryStream kept = new();

        public long Limit { get; init; } = long.MaxValue;

        public byte[] Bytes => kept.ToArray();

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            kept.Write(buffer);
            if (kept.Length > Limit)
                throw new EndOfStreamException();
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }

    private sealed class Watched(Action first) : Head
    {
        private bool fired;

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            if (!fired)
            {
                fired = true;
                first();
            }
            base.Write(buffer);
        }
    }
}
