using System.Globalization;
using Xunit;

namespace DatasetCache.Cli.Tests.Running;

public sealed class RunCommandTests : IDisposable
{
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fact]
    public async Task The_command_finds_the_dataset_in_its_environment_and_owns_stdout()
    {
        var result = await RunAsync("cat \"$DATASET_PATH/a.txt\"; echo \" $DSCACHE_CACHE_KEY\"; test \"$DSCACHE_DATASET\" = \"$DATASET_PATH\"");

        Assert.Equal(0, result.ExitCode);
        Assert.Matches(@"^alpha \S+\n$", result.Out);
    }

    [Theory]
    [InlineData("exit 7", 7)]
    [InlineData("kill -9 $$", 137)]
    [InlineData("kill -TERM $$", 143)]
    public async Task The_exit_code_is_the_commands_own(string script, int expected) => Assert.Equal(expected, (await RunAsync(script)).ExitCode);

    [Fact]
    public async Task Its_arguments_pass_untouched()
    {
        var result = await dscache.RunAsync("run", dscache.MakeFolder(), "-q", "--", "printf", "%s|", "--json", "--", "a b", "*");

        Assert.Equal((0, "--json|--|a b|*|", ""), (result.ExitCode, result.Out, result.Error));
    }

    [Theory]
    [InlineData("no-such-command-anywhere", ExitCode.CommandNotFound)]
    [InlineData("./photos/a.txt", ExitCode.NotExecutable)]
    [InlineData("./photos", ExitCode.NotExecutable)]
    public async Task A_command_that_cannot_start_is_said_before_the_download(string command, int expected)
    {
        var result = await dscache.RunAsync("run", dscache.MakeFolder(), "--", command);

        Assert.Equal(expected, result.ExitCode);
        Assert.Contains(command, result.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(dscache.In("cache")));
    }

    [Fact]
    public async Task A_command_in_the_current_directory_is_not_found_without_its_slash()
    {
        await File.WriteAllTextAsync(dscache.In("here"), "#!/bin/sh\nexit 0\n");
        File.SetUnixFileMode(dscache.In("here"), UnixFileMode.UserRead | UnixFileMode.UserExecute);

        Assert.Equal(ExitCode.CommandNotFound, (await dscache.RunAsync("run", dscache.MakeFolder(), "--", "here")).ExitCode);
        Assert.Equal(0, (await dscache.RunAsync("run", dscache.MakeFolder(), "--", "./here")).ExitCode);
    }

    [Theory]
    [InlineData("run", "./photos")]
    [InlineData("run", "./photos", "--")]
    [InlineData("run", "./photos", "python", "--", "train.py")]
    public async Task A_missing_or_misplaced_command_is_a_usage_error(params string[] arguments)
    {
        dscache.MakeFolder();

        var result = await dscache.RunAsync(arguments);

        Assert.Equal(ExitCode.Usage, result.ExitCode);
        Assert.Contains("-- python train.py", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HUP", 1)]
    [InlineData("INT", 2)]
    [InlineData("QUIT", 3)]
    [InlineData("USR1", 10)]
    [InlineData("USR2", 12)]
    [InlineData("TERM", 15)]
    [InlineData("CONT", 18)]
    [InlineData("WINCH", 28)]
    public async Task Signals_pass_to_the_command_which_decides(string name, int number)
    {
        // In a session of its own: with the terminal of whoever runs the tests, Ctrl-C would be the kernel's to deliver.
        using var process = dscache.StartProgram(
            "/usr/bin/setsid", Dscache.Program, "run", dscache.MakeFolder(), "--", "sh", "-c", $"trap 'echo {name}; exit 3' {name}; echo ready; read line");
        Assert.Equal("ready", await process.ReadLineAsync());

        process.Signal(number);

        Assert.Equal(name, await process.ReadLineAsync());
        Assert.Equal(3, (await process.WaitAsync()).ExitCode);
    }

    [Fact]
    public async Task Ctrl_C_on_a_terminal_reaches_the_command_once()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script (bsdutils) is not installed");
        Assert.SkipUnless(File.Exists("/usr/bin/strace"), "strace is not installed");
        // Two SIGINTs may melt into one on their way: what counts is whether dscache sent one. SIGUSR1 takes the same way after it.
        await File.WriteAllTextAsync(
            dscache.In("job.sh"), "trap 'echo interrupted' INT; trap 'echo told; exit 0' USR1; echo ready; echo $PPID; while :; do read line; done\n");
        using var process = dscache.StartProgram(
            "/usr/bin/script", "-qec", $"exec strace -f -e trace=kill -e signal=none -o {dscache.In("trace")} {Dscache.Program} run {dscache.MakeFolder()} -q -- sh {dscache.In("job.sh")}",
            "/dev/null");
        Assert.Equal("ready", await process.ReadLineAsync());
        var dscacheId = int.Parse(await process.ReadLineAsync(), CultureInfo.InvariantCulture);

        await process.TypeAsync("\u0003");
        Assert.EndsWith("interrupted", await process.ReadLineAsync(), StringComparison.Ordinal);
        RunningProcess.Signal(dscacheId, 10);
        var result = await process.WaitAsync();

        Assert.Equal(0, result.ExitCode);
        Assert.EndsWith("told", result.Out.TrimEnd(), StringComparison.Ordinal);
        var trace = await File.ReadAllTextAsync(dscache.In("trace"));
        Assert.Matches(@"kill\(\d+, SIGUSR1\) += 0", trace);
        Assert.DoesNotContain("SIGINT", trace, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_dataset_is_held_while_the_command_runs_and_let_go_after()
    {
        using var process = dscache.Start("run", dscache.MakeFolder(), "--into", dscache.JobDirectory, "--", "sh", "-c", "echo ready; read line; exit 0");
        Assert.Equal("ready", await process.ReadLineAsync());

        var during = await dscache.RunAsync("ls");
        var linked = Path.Exists(Path.Combine(dscache.JobDirectory, "dataset"));
        var ended = await process.WaitAsync();
        var after = await dscache.RunAsync("ls");

        Assert.True(linked);
        Assert.Contains("a running process", during.Out, StringComparison.Ordinal);
        Assert.Equal(0, ended.ExitCode);
        Assert.False(Path.Exists(Path.Combine(dscache.JobDirectory, "dataset")));
        Assert.EndsWith(" -\n", after.Out, StringComparison.Ordinal);
    }

    private Task<Result> RunAsync(string script) => dscache.RunAsync("run", dscache.MakeFolder(), "-q", "--", "sh", "-c", script);
}
