using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Sharing;

/// <summary>What somebody meets at a root that is not his.</summary>
public sealed class ForeignRootTests : IDisposable
{
    private readonly Lab lab = new();
    private readonly string source;

    public ForeignRootTests() => source = lab.MakeFolder("photos", ("a.txt", [1]), ("deep/b.bin", MemoryOrigin.Bytes(1, 9000)));

    public void Dispose() => lab.Dispose();

    [Fact]
    public async Task A_private_root_refuses_others_and_says_whose_it_is_and_what_to_do()
    {
        lab.OwnRoot(Lab.Ann, "0700");
        Assert.Equal(0, (await lab.GetAsync(Lab.Ann, source)).ExitCode);

        var refused = await lab.RunAsync(Lab.Bob, "022", "get", source, "--into", lab.Job(Lab.Bob));

        Assert.Equal((ExitCode.Storage, ""), (refused.ExitCode, refused.Out));
        Assert.Contains($"belongs to uid {Lab.Ann} and gid {Lab.Ann} and has mode 0700; this is uid {Lab.Bob}", refused.Error, StringComparison.Ordinal);
        Assert.Contains("install -d -m 2775 -g GROUP", refused.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(Path.Combine(lab.Job(Lab.Bob), "dataset")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_may_only_read_gets_hits_that_are_protected_while_he_uses_them_and_words_on_a_miss(bool shared)
    {
        if (shared)
            lab.ShareRoot();
        else
            lab.OwnRoot(Lab.Ann, "0755");
        var key = SharedRootTests.Text(await lab.GetAsync(Lab.Ann, source), "cacheKey");
        await lab.RunAsync(Lab.Ann, "022", "release", lab.Job(Lab.Ann));
        var before = Snapshot();

        var hit = await lab.RunAsync(Lab.Eve, "022", "get", source, "--into", lab.Job(Lab.Eve), "--json");
        Assert.Equal("hit", SharedRootTests.Text(hit, "outcome"));
        Assert.Contains("may only read the cache: the link does not keep the dataset", hit.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await lab.RunAsync(Lab.Eve, "022", "release", lab.Job(Lab.Eve))).ExitCode);
        Assert.Equal("hit", SharedRootTests.Text(await lab.GetAsync(Lab.Eve, source, "--link", "copy"), "outcome"));
        foreach (var verb in (string[][])[["ls"], ["inspect", key], ["explain", key], ["du"]])
            Assert.Equal((string.Join(' ', verb), 0, ""), (string.Join(' ', verb), (await lab.RunAsync(Lab.Eve, "022", verb)).ExitCode, (await lab.RunAsync(Lab.Eve, "022", verb)).Error));

        foreach (var refused in (string[][])[["get", lab.MakeFolder("other", ("x.txt", [1])), "--into", lab.Job(Lab.Eve)], ["get", source, "--hold", "1h"], ["rm", key, "-y"], ["prune", "--all", "-y"], ["pin", key]])
        {
            var result = await lab.RunAsync(Lab.Eve, "022", refused);
            Assert.Equal((string.Join(' ', refused), ExitCode.Storage, ""), (string.Join(' ', refused), result.ExitCode, result.Out));
            Assert.Contains("this user may only read", result.Error, StringComparison.Ordinal);
            Assert.Contains(shared ? $"added to group {Lab.Group}" : "Set DSCACHE_ROOT", result.Error, StringComparison.Ordinal);
        }

        Assert.Equal(before, Snapshot());
        using var running = lab.Start(Lab.Eve, "022", "run", source, "-q", "--", "sh", "-c", "echo ready; read go");
        await running.ReadLineAsync();
        Assert.Equal(ExitCode.LockTimeout, (await lab.RunAsync(Lab.Ann, "022", "rm", key, "-y")).ExitCode);
        await running.TypeAsync("\n");
        Assert.Equal(0, (await running.WaitAsync()).ExitCode);
        Assert.Equal(0, (await lab.RunAsync(Lab.Ann, "022", "rm", key, "-y")).ExitCode);
    }

    [Theory]
    [InlineData("0755", 7001, "ok", "belongs to this user")]
    [InlineData("2775", 7001, "ok", "its group shares it")]
    [InlineData("2775", 7003, "warn", "it may only be read")]
    [InlineData("0775", 7001, "warn", "no setgid")]
    [InlineData("2777", 7001, "warn", "everybody on this host may plant")]
    [InlineData("1777", 7003, "warn", "chmod o-w,-t")]
    [InlineData("0755", 0, "warn", "its owner can neither evict nor mend")]
    [InlineData("0700", 7003, "fail", "Not permitted")]
    public async Task Doctor_says_whose_the_root_is_and_what_is_wrong_with_its_mode(string mode, uint user, string verdict, string words)
    {
        Lab.Command("install", "-d", "-m", mode, "-o", $"{Lab.Ann}", "-g", $"{Lab.Group}", lab.Root);
        var result = user == 0 ? await lab.Dscache.RunAsync("doctor") : await lab.RunAsync(user, "022", "doctor");
        var finding = result.Out.Split('\n').SkipWhile(line => !line.StartsWith($"{verdict,-5} owner ", StringComparison.Ordinal)).Take(2);
        Assert.Contains(words, string.Join('\n', finding), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_root_that_is_made_lets_no_group_write_though_the_umask_would()
    {
        lab.OwnRoot(Lab.Ann, "0755");
        var root = Path.Combine(lab.Home(Lab.Ann), "mine");
        Assert.Equal(0, (await lab.RunAsync(Lab.Ann, "002", "get", source, "--into", lab.Job(Lab.Ann), "--root", root)).ExitCode);
        Assert.Equal("755", Convert.ToString(Lab.StatusOf(root).Mode, 8));
    }

    // Every path with its size and times of change: what a reader leaves untouched.
    private string[] Snapshot() => [.. Directory.EnumerateFileSystemEntries(lab.Root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
        .Select(path => $"{path} {Lab.StatusOf(path).Size} {Lab.StatusOf(path).Modified:O}")];
}
