using System.Security.Cryptography;
using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Store;
using DatasetCache.Testing;

namespace DatasetCache.Cache.Tests.Integrity;

public sealed class DigestTests : IAsyncDisposable
{
    private const int Files = 6;
    private const int Record = 28;
    private readonly CacheFixture fixture = new();
    private readonly HashSet<string> wrong = [];

    public DigestTests()
    {
        for (var i = 0; i < Files; i++)
            fixture.Put($"{i}.bin", MemoryOrigin.Bytes(i, i == 0 ? 5_000_000 : 10_000));
    }

    public ValueTask DisposeAsync() => fixture.DisposeAsync();

    // As a store without encryption has them; of the wrong ones other bytes were stored than have come here.
    private void GiveMd5s() => fixture.Origin.ETagOf = (key, content)
        => Convert.ToHexStringLower(MD5.HashData(wrong.Contains(Path.GetFileName(key)) ? [.. content, 1] : content));

    private async Task<string> GetAsync(string snapshot = "snap_1")
    {
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(snapshot: snapshot));
        return lease.CacheKey;
    }

    // Without healing, which is another's work: what is withdrawn or quarantined for it must be judged here again.
    private async Task<IReadOnlyList<FileFault>> CheckAsync(string key, VerifyLevel level = VerifyLevel.Full)
    {
        using var root = CacheRoot.Open(fixture.Root);
        return (await new EntryVerifier(root, new EntryStore(root, TimeProvider.System)).CheckAsync(key, level, progress: null, CancellationToken.None))!.Faults;
    }

    private string Digests(string key) => Path.Join(fixture.Root, "entries", key, "digests");

    [Fact]
    public async Task A_file_that_is_not_what_its_origin_names_is_found_by_its_digest_although_its_pieces_are_as_they_came()
    {
        wrong.Add("3.bin");
        GiveMd5s();
        var key = await GetAsync();
        Assert.Empty(await CheckAsync(key, VerifyLevel.Pieces));
        var fault = Assert.Single(await CheckAsync(key));
        Assert.Equal(("3.bin", FileFaultKind.WrongDigest), (fault.Path, fault.Kind));
        Assert.Empty(fault.Pieces);
        // It stays wrong until it is fetched again.
        Assert.Equal(fault.Words, Assert.Single(await CheckAsync(key)).Words);
    }

    [Fact]
    public async Task A_file_that_was_fetched_again_and_came_out_the_same_has_an_etag_that_is_no_digest()
    {
        wrong.Add("3.bin");
        GiveMd5s();
        var key = await GetAsync();
        Assert.Single(await CheckAsync(key));
        await fixture.Open().EvictAsync(key);
        Assert.Empty(await CheckAsync(await GetAsync()));
        Assert.Empty(await CheckAsync(key));
    }

    [Fact]
    public async Task Etags_that_were_never_seen_to_be_digests_prove_nothing()
    {
        var key = await GetAsync(); // 32 hex digits each, and none an MD5.
        Assert.Empty(await CheckAsync(key));
        // A later entry of the same origin shows that it gives some: the earlier one is judged anew, without a byte being digested again.
        var before = new FileInfo(Digests(key)).Length;
        Assert.Equal(Files * Record, before);
        fixture.Origin.ETagOf = (name, content) => Path.GetFileName(name) == "0.bin" ? "00000000000000000000000000000000" : Convert.ToHexStringLower(MD5.HashData(content));
        var later = await GetAsync("snap_2");
        Assert.Equal("0.bin", Assert.Single(await CheckAsync(later)).Path);
        Assert.Empty(await CheckAsync(key)); // All of it disagrees: that is its way.
        Assert.Equal(before, new FileInfo(Digests(key)).Length);
    }

    [Fact]
    public async Task One_file_of_an_origin_of_which_nothing_is_known_proves_nothing_either()
    {
        await using var lease = await fixture.Open().AcquireAsync(fixture.Request(selection: new Selection { Mode = SelectionMode.All, Include = ["0.bin"] }));
        Assert.Empty(await CheckAsync(lease.CacheKey));
        Assert.Equal(Record, new FileInfo(Digests(lease.CacheKey)).Length);
    }

    [Fact]
    public async Task Where_more_disagree_than_agree_it_is_the_origins_way()
    {
        wrong.UnionWith(["1.bin", "2.bin", "3.bin", "4.bin"]);
        GiveMd5s();
        Assert.Empty(await CheckAsync(await GetAsync()));
    }

    [Fact]
    public async Task An_origin_with_many_oddities_is_not_believed_any_more()
    {
        GiveMd5s();
        var asked = 0;
        for (var round = 0; round < 2 * OriginDigests.MostOddities; round++)
        {
            fixture.Put("odd.bin", MemoryOrigin.Bytes(100 + round, 5_000));
            wrong.Add("odd.bin");
            asked += (await CheckAsync(await GetAsync($"snap_{round}"))).Count;
        }
        Assert.Equal(OriginDigests.MostOddities + 1, asked);
    }

    [Fact]
    public async Task Etags_of_several_parts_are_not_digested()
    {
        fixture.Origin.ETagOf = (_, content) => Convert.ToHexStringLower(MD5.HashData([.. content, 1])) + "-2";
        var key = await GetAsync();
        Assert.Empty(await CheckAsync(key));
        Assert.False(File.Exists(Digests(key)));
    }

    [Theory]
    [InlineData((Record * 2) + 11)]
    [InlineData(0)]
    [InlineData(-1)]
    public async Task No_file_is_digested_twice_but_those_whose_record_is_torn(int tornTo)
    {
        GiveMd5s();
        var key = await GetAsync();
        Assert.Empty(await CheckAsync(key));
        var first = File.ReadAllBytes(Digests(key));
        Assert.Equal(Files * Record, first.Length);
        Assert.Empty(await CheckAsync(key));
        Assert.Equal(first, File.ReadAllBytes(Digests(key)));
        if (tornTo >= 0)
            File.WriteAllBytes(Digests(key), first[..tornTo]);
        else
            Damage.FlipBit(Digests(key), Record + 10); // In the second one's MD5.
        Assert.Empty(await CheckAsync(key));
        Assert.Equal((tornTo < 0 ? Files + 1 : Files) * Record, new FileInfo(Digests(key)).Length);
    }

    [Fact]
    public async Task A_remembered_digest_is_not_taken_for_that_of_other_bytes()
    {
        GiveMd5s();
        var key = await GetAsync();
        Assert.Empty(await CheckAsync(key));
        // A digest of what is not there any more would say WrongDigest, or hide one.
        var records = File.ReadAllBytes(Digests(key));
        var other = records[..Record];
        other[4] ^= 1; // Of other checksums
        other[8] ^= 1; // another MD5
        BitConverter.TryWriteBytes(other.AsSpan(24), Crc32C.Of(other.AsSpan(0, 24)));
        File.WriteAllBytes(Digests(key), [.. records, .. other]);
        Assert.Empty(await CheckAsync(key));
        Assert.Equal((Files + 2) * Record, new FileInfo(Digests(key)).Length); // Made again.
        other[4] ^= 1; // Of these checksums: believed.
        BitConverter.TryWriteBytes(other.AsSpan(24), Crc32C.Of(other.AsSpan(0, 24)));
        File.WriteAllBytes(Digests(key), [.. records, .. other]);
        Assert.Single(await CheckAsync(key));
    }

    [Fact]
    [Trait("Fault", "8")]
    public async Task The_scrubber_digests_too_and_takes_the_digests_of_shared_files_from_each_other()
    {
        wrong.Add("3.bin");
        GiveMd5s();
        var first = await GetAsync();
        fixture.Put("9.bin", "new");
        var second = await GetAsync("snap_2");
        var report = await fixture.Open().ScrubAsync(new ScrubOptions { All = true, Heal = false });
        Assert.Equal([FileFaultKind.WrongDigest, FileFaultKind.WrongDigest], report.Broken.SelectMany(result => result.Found.Faults).Select(fault => fault.Kind));
        Assert.Equal(new[] { first, second }.Order(StringComparer.Ordinal), report.Broken.Select(result => result.CacheKey));
        Assert.Equal(5_000_000 + (5 * 10_000) + 3, report.BytesRead);
    }
}
