using System.Diagnostics;
using System.Text;
using DatasetCache.Cache.Tests.Moving;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;
using DatasetCache.Transfers;

namespace DatasetCache.Cache.Tests.Store;

/// <summary>A root of somebody else, asked before the origin: the lab's is written by one cache and read by another.</summary>
public sealed partial class SharedRootsTests : IAsyncDisposable
{
    private const int Large = (2 * Pieces.Size) + 12_345;
    private const int Small = 20_000;
    private readonly CacheFixture fixture = new();
    private readonly List<string> warnings = [];
    private string? shared;

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    private string Lab => Path.Join(Path.GetDirectoryName(fixture.Root), "lab");

    private LocalDatasetCache OpenLab() => fixture.Open(options => options with { Root = Lab });

    private LocalDatasetCache Open(Func<CacheOptions, CacheOptions>? change = null, FileSystem? files = null)
    {
        var cache = fixture.Open(options => (change ?? (same => same))(options with { SharedRoots = [shared ?? Lab] }), files);
        cache.SharedRootUnusable += (_, root) => warnings.Add($"{root.Path}: {root.Reason}");
        return cache;
    }

    /// <summary>The lab gets a snapshot; then the origin's counters begin anew.</summary>
    private async Task<string> FillLabAsync(string snapshot = "snap_1", string? hash = null, Selection? selection = null)
    {
        await using var cache = OpenLab();
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: snapshot, hash: hash, selection: selection));
        fixture.Origin.ForgetServed();
        return lease.CacheKey;
    }

    private void PutTwo()
    {
        fixture.Put("a.jpg", MemoryOrigin.Bytes(1, Small));
        fixture.Put("deep/b.jpg", MemoryOrigin.Bytes(2, Large));
        fixture.Put("empty", []);
    }

    private string InLab(string key, string path) => Path.Join(Lab, "snapshots", key, path);

    private static string[] Picture(string root) => [.. Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
        .Select(path => $"{path} {File.GetUnixFileMode(path)} {File.GetLastWriteTimeUtc(path):O} {new FileInfo(path) is { Exists: true, Length: var length } && length >= 0}").Order(StringComparer.Ordinal)];

    [Fact]
    public async Task A_snapshot_that_a_shared_root_holds_is_copied_without_a_request_to_the_origin()
    {
        PutTwo();
        var key = await FillLabAsync();
        var before = Picture(Lab);
        var (listings, reads) = (fixture.Origin.Listings, fixture.Origin.Reads);
        var cache = Open();
        await using var lease = await cache.AcquireAsync(fixture.Request());
        Assert.Equal((AcquireOutcome.Miss, 0, Small + Large, listings, reads), (lease.Outcome, lease.BytesFromOrigin, lease.SharedBytes, fixture.Origin.Listings, fixture.Origin.Reads));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
        using var tree = new FileSystem().OpenRoot(lease.Path);
        Assert.Equal((1u, 1u), (tree.Status("a.jpg")!.Value.Links, tree.Status("deep/b.jpg")!.Value.Links));
        Assert.Equal(before, Picture(Lab));
        Assert.Equal((key, "all"), (lease.CacheKey, cache.Inspect(key)!.SelectionReason));
        await using var again = await cache.AcquireAsync(fixture.Request());
        Assert.Equal((AcquireOutcome.Hit, 0), (again.Outcome, again.SharedBytes));
        Assert.Empty(warnings);
        fixture.AssertStagingIsClean();
    }

    [Fact]
    public async Task Objects_of_other_versions_are_taken_too_and_only_the_rest_is_fetched()
    {
        PutTwo();
        await FillLabAsync();
        fixture.Put("a.jpg", MemoryOrigin.Bytes(3, Small));
        await using var lease = await Open().AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((Small, Large), (lease.BytesFromOrigin, lease.SharedBytes));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
    }

    [Fact]
    public async Task What_this_host_has_is_linked_and_not_copied_from_elsewhere()
    {
        PutTwo();
        await FillLabAsync();
        await FillLabAsync("snap_2");
        var cache = Open();
        await using (await cache.AcquireAsync(fixture.Request())) { }
        await using var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2"));
        Assert.Equal((0, 0, Small + Large), (lease.BytesFromOrigin, lease.SharedBytes, lease.ReusedBytes));
    }

    [Theory]
    [Trait("Fault", "8")]
    [InlineData(0)]
    [InlineData(Syscalls.EXDEV)]
    [InlineData(Syscalls.EIO)]
    public async Task Flipped_bits_there_cost_the_pieces_that_hold_them(int cannotClone)
    {
        PutTwo();
        var key = await FillLabAsync();
        ExportImportTests.Flip(InLab(key, "a.jpg"), 7);
        ExportImportTests.Flip(InLab(key, "deep/b.jpg"), Pieces.Size + 1);
        var copies = 0;
        await using var lease = await Open(files: new FileSystem(call => call is "copy" && Interlocked.Increment(ref copies) > 0 ? cannotClone : 0)).AcquireAsync(fixture.Request());
        Assert.Equal((Small + Pieces.Size, Large - Pieces.Size), (lease.BytesFromOrigin, lease.SharedBytes));
        Assert.True(copies > 0 && fixture.Origin.ServedEachByteOnce());
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
    }

    [Fact]
    public async Task What_is_missing_cut_or_a_link_there_comes_from_the_origin()
    {
        PutTwo();
        fixture.Put("c.jpg", MemoryOrigin.Bytes(5, Small));
        fixture.Put("d.jpg", MemoryOrigin.Bytes(6, Small));
        var key = await FillLabAsync();
        File.Delete(InLab(key, "a.jpg"));
        File.Copy(InLab(key, "c.jpg"), Path.Join(Lab, "elsewhere"));
        File.Delete(InLab(key, "c.jpg"));
        File.CreateSymbolicLink(InLab(key, "c.jpg"), Path.Join(Lab, "elsewhere"));
        File.SetUnixFileMode(InLab(key, "d.jpg"), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await using (var file = File.Open(InLab(key, "d.jpg"), FileMode.Open))
            file.SetLength(100);
        await using var lease = await Open().AcquireAsync(fixture.Request());
        Assert.Equal((3 * Small, Large), (lease.BytesFromOrigin, lease.SharedBytes));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "c.jpg", "d.jpg", "deep/b.jpg", "empty");
    }

    [Theory]
    [InlineData("entry.json")]
    [InlineData("manifest")]
    public async Task An_entry_whose_small_files_are_torn_or_lie_is_not_there(string name)
    {
        PutTwo();
        var key = await FillLabAsync();
        var path = Path.Join(Lab, "entries", key, name);
        var text = await File.ReadAllTextAsync(path);
        File.Delete(path);
        await File.WriteAllTextAsync(path, name is "manifest" ? text.Replace("a.jpg", "../x", StringComparison.Ordinal) : text.Replace("\"files\": 3", "\"files\": 2", StringComparison.Ordinal));
        var listings = fixture.Origin.Listings;
        await using var lease = await Open().AcquireAsync(fixture.Request());
        Assert.Equal(listings + 1, fixture.Origin.Listings);
        Assert.Equal(Small + Large, lease.BytesFromOrigin + lease.SharedBytes);
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
    }

    [Fact]
    [Trait("Fault", "18")]
    public async Task Evicted_there_at_any_moment_it_is_still_got_whole()
    {
        PutTwo();
        var more = Enumerable.Range(0, 12).Select(i => $"more/{i}.jpg").ToArray();
        foreach (var (i, path) in more.Index())
            fixture.Put(path, MemoryOrigin.Bytes(i, Small));
        var key = await FillLabAsync();
        var shares = new HashSet<long>();
        for (var nth = 1; nth < 400; nth += nth < 120 ? 3 : 25)
        {
            Copy(Lab, Lab + "-copy");
            shared = Lab + "-copy";
            var calls = 0;
            var root = fixture.Root + nth;
            await using var cache = Open(options => options with { Root = root }, new FileSystem(_ =>
            {
                if (Interlocked.Increment(ref calls) == nth)
                {
                    // As an evictor does it, or a file server that goes away: in one step.
                    Directory.Move(Path.Join(shared, "snapshots", key), Path.Join(shared, "staging", "gone"));
                    Directory.Delete(Path.Join(shared, "staging", "gone"), recursive: true);
                    Directory.Delete(Path.Join(shared, "entries", key), recursive: true);
                }
                return 0;
            }));
            await using var lease = await cache.AcquireAsync(fixture.Request());
            Assert.Equal((13 * Small) + Large, lease.BytesFromOrigin + lease.SharedBytes);
            fixture.AssertHoldsTheOrigin(lease.Path, ["a.jpg", "deep/b.jpg", "empty", .. more]);
            shares.Add(lease.SharedBytes);
            Directory.Delete(shared, recursive: true);
        }
        Assert.True(shares.Count > 2, $"it was only ever gone at the same moment: {string.Join(", ", shares)}");
    }

    private static void Copy(string from, string to)
    {
        using var copy = Process.Start(new ProcessStartInfo("cp", ["-a", from, to]) { UseShellExecute = false })!;
        copy.WaitForExit();
        foreach (var folder in Directory.EnumerateDirectories(to, "*", SearchOption.AllDirectories))
            File.SetUnixFileMode(folder, (UnixFileMode)0x1ED);
    }

    [Fact]
    public async Task An_entry_is_held_there_while_it_is_copied()
    {
        PutTwo();
        var key = await FillLabAsync();
        await using var lab = OpenLab();
        var held = false;
        await using (await Open(files: new FileSystem(call =>
        {
            held |= call is "copy" && lab.Inspect(key)!.IsLeased;
            return 0;
        })).AcquireAsync(fixture.Request())) { }
        Assert.True(held);
        Assert.False(lab.Inspect(key)!.IsLeased);
    }

    [Fact]
    public async Task A_lock_that_its_file_system_refuses_is_done_without()
    {
        PutTwo();
        await FillLabAsync();
        var locks = 0;
        var root = fixture.Root + "-0";
        await using (var counted = Open(options => options with { Root = root }, new FileSystem(call => call is "flock" ? Interlocked.Increment(ref locks) * 0 : 0)))
        await using (await counted.AcquireAsync(fixture.Request())) { }
        // One of them is the shared entry's: only without that one all goes well.
        var (all, served) = (locks, 0);
        for (var nth = 1; nth <= all; nth++)
        {
            var count = 0;
            root = $"{fixture.Root}-{nth}";
            try
            {
                await using var cache = Open(options => options with { Root = root }, new FileSystem(call => call is "flock" && Interlocked.Increment(ref count) == nth ? 37 /* ENOLCK */ : 0));
                await using var lease = await cache.AcquireAsync(fixture.Request());
                fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
                served += lease.SharedBytes == Small + Large ? 1 : 0;
            }
            catch (StorageException)
            {
                // It was a lock of our own.
            }
        }
        Assert.True(served > 0, $"none of {all} locks could be done without");
    }

    [Fact]
    public async Task A_root_that_cannot_be_used_is_named_once_and_the_origin_asked()
    {
        PutTwo();
        shared = Path.Join(Lab, "nothing");
        var cache = Open();
        await using (await cache.AcquireAsync(fixture.Request())) { }
        await using (var lease = await cache.AcquireAsync(fixture.Request(snapshot: "snap_2", selection: new Selection { Mode = SelectionMode.All, Exclude = ["a.jpg"] })))
            Assert.Equal(0, lease.SharedBytes);
        Assert.Contains("nothing", Assert.Single(warnings), StringComparison.Ordinal);

        warnings.Clear();
        shared = Directory.CreateDirectory(Path.Join(Path.GetDirectoryName(fixture.Root), "folder")).FullName;
        await using (await Open().AcquireAsync(fixture.Request(snapshot: "snap_3"))) { }
        Assert.Contains("it is no cache root", Assert.Single(warnings), StringComparison.Ordinal);

        warnings.Clear();
        shared = null;
        await FillLabAsync("snap_4");
        await File.WriteAllTextAsync(Path.Join(Lab, "format"), "2\n");
        await using (await Open().AcquireAsync(fixture.Request(snapshot: "snap_4"))) { }
        Assert.Contains("has format \"2\"", Assert.Single(warnings), StringComparison.Ordinal);

        warnings.Clear();
        shared = fixture.Root;
        await using (await Open().AcquireAsync(fixture.Request(snapshot: "snap_5"))) { }
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task A_hit_does_not_look_at_the_shared_root()
    {
        PutTwo();
        shared = "/nonexistent";
        await using (await fixture.Open().AcquireAsync(fixture.Request())) { }
        await using (var lease = await Open().AcquireAsync(fixture.Request()))
            Assert.Equal(AcquireOutcome.Hit, lease.Outcome);
        Assert.Empty(warnings);
    }

    [Fact]
    public async Task An_entry_there_whose_metadata_do_not_have_the_version_hash_is_not_believed()
    {
        PutTwo();
        fixture.Put("notes.txt", "alpha");
        var hash = await DatasetVersionHash.ComputeAsync(["notes.txt"], _ => new ValueTask<Stream>(new MemoryStream("alpha"u8.ToArray())));
        var key = await FillLabAsync(hash: hash);
        // All sums are right, and the metadata are others.
        await using (var file = Writable(InLab(key, "notes.txt")))
            file.Write("betas"u8);
        var manifest = Path.Join(Lab, "entries", key, "manifest");
        var text = await File.ReadAllTextAsync(manifest);
        text = text[..text.IndexOf("end ", StringComparison.Ordinal)].Replace($"{Crc32C.Of("alpha"u8):x8}\tnotes", $"{Crc32C.Of("betas"u8):x8}\tnotes", StringComparison.Ordinal);
        File.Delete(manifest);
        await File.WriteAllTextAsync(manifest, text + $"end 4 {Crc32C.Of(Encoding.UTF8.GetBytes(text)):x8}\n");
        await using var lease = await Open(options => options with { Root = fixture.Root + "-2" }).AcquireAsync(fixture.Request(hash: hash, selection: null));
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty", "notes.txt");
    }

    private static FileStream Writable(string path)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return File.Open(path, FileMode.Open);
    }

    [Fact]
    public async Task What_changed_at_the_origin_meanwhile_is_never_mixed_in()
    {
        PutTwo();
        var key = await FillLabAsync();
        File.Delete(InLab(key, "a.jpg"));
        fixture.Put("a.jpg", MemoryOrigin.Bytes(8, Small));
        fixture.Put("new.jpg", MemoryOrigin.Bytes(9, Small));
        await using var lease = await Open().AcquireAsync(fixture.Request());
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty", "new.jpg");
        Assert.Equal((2 * Small, Large), (lease.BytesFromOrigin, lease.SharedBytes));
    }

    [Fact]
    public async Task Space_is_reserved_as_for_a_download()
    {
        PutTwo();
        await FillLabAsync();
        await Assert.ThrowsAsync<NoSpaceException>(() => Open(options => options with { MaxSize = Large }).AcquireAsync(fixture.Request()));
        await using var cache = Open(options => options with { MaxSize = Large + (2 * Small) });
        await using var lease = await cache.AcquireAsync(fixture.Request());
        Assert.Equal(SpaceLedger.Allocated(Large) + SpaceLedger.Allocated(Small), cache.Inspect(lease.CacheKey)!.OwnBytes);
    }

    [Fact]
    public async Task A_selection_is_taken_over_with_its_missing_images()
    {
        PutTwo();
        fixture.Put("annotations.json", """{"images":[{"id":1,"file_name":"a.jpg"},{"id":2,"file_name":"gone.jpg"}],"annotations":[],"categories":[]}""");
        var lenient = fixture.Request(selection: Selection.Auto) with { AllowMissing = true };
        await using (var lab = OpenLab())
        await using (await lab.AcquireAsync(lenient)) { }
        var listings = fixture.Origin.Listings;
        await Assert.ThrowsAsync<DatasetNotFoundException>(() => Open().AcquireAsync(fixture.Request(selection: Selection.Auto)));
        await using var lease = await Open().AcquireAsync(lenient);
        fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "annotations.json");
        Assert.Equal(listings, fixture.Origin.Listings);
    }

    [Fact]
    public async Task On_a_read_only_mount_it_serves()
    {
        PutTwo();
        await FillLabAsync();
        var mount = Directory.CreateDirectory(Path.Join(Path.GetDirectoryName(fixture.Root), "mount")).FullName;
        Assert.SkipUnless(Environment.IsPrivilegedProcess && Run("mount", "--bind", Lab, mount) && Run("mount", "-o", "remount,ro,bind", mount), "needs root and mount");
        try
        {
            Assert.Throws<IOException>(() => File.WriteAllText(Path.Join(mount, "x"), ""));
            shared = mount;
            await using var lease = await Open().AcquireAsync(fixture.Request());
            Assert.Equal((0, Small + Large), (lease.BytesFromOrigin, lease.SharedBytes));
            fixture.AssertHoldsTheOrigin(lease.Path, "a.jpg", "deep/b.jpg", "empty");
            Assert.Empty(warnings);
        }
        finally
        {
            Run("umount", "-l", mount);
        }
    }

    private static bool Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, UseShellExecute = false })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
