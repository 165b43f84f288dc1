using System.Text.Json;
using Xunit;

namespace DatasetCache.Cli.Tests.Completing;

public sealed class CompletionTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    /// <summary>What <c>dscache</c> offers for the last of these words.</summary>
    private async Task<string[]> OfferedAsync(params string[] words)
    {
        var result = await dscache.RunAsync(["__complete", .. words]);
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        return [.. result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0])];
    }

    private async Task<string> GetKeyAsync(string name)
    {
        var result = await dscache.RunAsync("get", dscache.MakeFolder(name), "--hold", "1h", "--json", "-q");
        return JsonDocument.Parse(result.Out).RootElement.GetProperty("cacheKey").GetString()!;
    }

    [Theory]
    [InlineData("prefetch", "prefe")]
    [InlineData("--select", "get", "x/y", "--sel")]
    [InlineData("--max-size --max-stale", "ls", "--max-s")]
    [InlineData("auto annotated all", "get", "x/y", "--select", "")]
    [InlineData("--select=annotated", "get", "x/y", "--select=ann")]
    [InlineData("annotated", "get", "x/y", "--select", "=", "ann")]
    [InlineData(":dirs", "get", "x/y", "--into", "")]
    [InlineData(":files", "prefetch", "--from", "")]
    [InlineData(":files", "run", "x/y", "--", "pyth")]
    [InlineData(":dirs", "release", "")]
    [InlineData("cache.maxSize", "config", "set", "cache.max")]
    [InlineData("symlink tree copy", "config", "set", "link", "")]
    [InlineData("set show", "config", "s")]
    [InlineData("bash zsh fish", "completion", "")]
    [InlineData("", "inspect", "x", "")]
    public async Task Each_place_offers_what_may_stand_there(string expected, params string[] words)
    {
        Assert.Equal(expected.Split(' ', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal), (await OfferedAsync(words)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Keys_are_offered_where_a_key_is_expected_and_no_cache_is_made_for_it()
    {
        Assert.Empty(await OfferedAsync("rm", ""));
        Assert.False(Directory.Exists(dscache.In("cache")));
        string[] keys = [await GetKeyAsync("alpha"), await GetKeyAsync("beta")];
        foreach (var verb in new[] { "rm", "pin", "unpin", "explain", "inspect" })
            Assert.Equal(keys, await OfferedAsync(verb, ""));
        Assert.Equal([keys[1]], await OfferedAsync("rm", keys[0], ""));
        Assert.Equal([keys[0]], await OfferedAsync("rm", "--dry-run", "al"));
        Assert.Empty(await OfferedAsync("rm", "--root", dscache.In("other"), ""));
        dscache.Environment["DSCACHE_MAX_SIZE"] = "plenty";
        Assert.Empty(await OfferedAsync("rm", ""));
    }

    [Fact]
    public async Task Bash_completes_with_nothing_else_installed()
    {
        var key = await GetKeyAsync("alpha");
        Directory.CreateDirectory(dscache.In("jobs dir"));
        Assert.Equal([key], await BashAsync("rm", "al"));
        Assert.Equal(["annotated"], await BashAsync("get", "x", "--select", "=", "ann"));
        Assert.Equal(["jobs dir"], await BashAsync("get", "x", "--into", "jobs"));
        Assert.Equal(["list.txt"], await BashAsync("prefetch", "--from", "list"));
        Assert.Contains("get", await BashAsync(""));
    }

    private async Task<string[]> BashAsync(params string[] words)
    {
        await File.WriteAllTextAsync(dscache.In("list.txt"), "");
        const string script = """
            source <("$1" completion bash)
            COMP_WORDS=("$@"); COMP_WORDS=("${COMP_WORDS[@]}"); COMP_CWORD=$(($# - 1))
            _dscache; printf '%s\n' "${COMPREPLY[@]}"
            """;
        using var bash = dscache.StartProgram("/bin/bash", ["--norc", "-c", script, "bash", Dscache.Program, .. words]);
        var result = await bash.WaitAsync();
        Assert.Equal((0, ""), (result.ExitCode, result.Error));
        return result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public async Task Zsh_completes_as_if_somebody_pressed_tab()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/zsh"), "zsh is not installed");
        var key = await GetKeyAsync("alpha");
        dscache.Environment["PATH"] = Path.GetDirectoryName(Dscache.Program) + ":" + dscache.Environment["PATH"];
        dscache.Environment["TERM"] = "dumb";
        // zsh completes at a terminal alone: its own module gives it one.
        const string script = """
            zmodload zsh/zpty
            zpty -w shell "PS1=; autoload -Uz compinit; compinit -u -d $1/zcompdump; source <(dscache completion zsh)"
            """;
        var commands = script.Replace("zpty -w shell \"", "zpty shell zsh -f -i; zpty -w shell \"", StringComparison.Ordinal) + "\n"
            + """
            zpty -w shell 'echo REA''DY'
            zpty -r shell line '*READY*'
            zpty -w -n shell $'dscache rm al\t'
            zpty -r shell line "*$2*"
            print -r -- "$line"
            """;
        using var zsh = dscache.StartProgram("/usr/bin/zsh", ["-f", "-c", commands, "zsh", dscache.Folder, key]);
        var result = await zsh.WaitAsync();
        Assert.Contains(key, result.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Fish_completes()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/fish"), "fish is not installed");
        var key = await GetKeyAsync("alpha");
        dscache.Environment["PATH"] = Path.GetDirectoryName(Dscache.Program) + ":" + dscache.Environment["PATH"];
        using var fish = dscache.StartProgram("/usr/bin/fish", ["--no-config", "-c", "dscache completion fish | source; complete -C 'dscache rm al'; complete -C 'dscache get x --select ann'; complete -C 'dscache prefetch --fr'"]);
        var result = await fish.WaitAsync();
        Assert.Equal([key, "annotated", "--from"], result.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]));
    }

    [Fact]
    public async Task Another_shell_is_refused_with_those_that_there_are()
    {
        var result = await dscache.RunAsync("completion", "tcsh");
        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("bash, zsh, fish", result.Error, StringComparison.Ordinal);
    }
}
