using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using DatasetCache.Cli.Acquiring;
using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Running;

/// <summary><c>dscache run … -- COMMAND</c>: the dataset is protected while the command runs; its environment, signals and exit code pass through.</summary>
internal static class RunCommand
{
    public static Command Define(Command command, Session session, IReadOnlyList<string>? commandLine)
    {
        var arguments = new AcquireArguments(session, intoRequired: false);
        arguments.AddTo(command);
        // CommandLine splits at "--": whatever parses into this stood before it.
        var misplaced = new Argument<string[]>("-- COMMAND") { Description = "The command and its arguments, after '--'.", Arity = ArgumentArity.ZeroOrMore };
        command.Add(misplaced);
        command.SetAction((parse, _) =>
        {
            if (commandLine is not { Count: > 0 } || parse.GetValue(misplaced) is { Length: > 0 })
            {
                throw new InvalidRequestException(
                    commandLine is null ? "The command to run is missing: it stands after '--'." : "Between the options and the command there must be a '--' and nothing else.",
                    "For example: dscache run SNAPSHOT_ID --dataset DATASET_ID -- python train.py");
            }
            return RunAsync(arguments.Read(parse), commandLine);
        });
        return command;
    }

    private static async Task<int> RunAsync(AcquireCall call, IReadOnlyList<string> commandLine)
    {
        // Found before the download: a typo must not cost an hour.
        if (Executable.Find(commandLine[0], Environment.GetEnvironmentVariable("PATH"), out var notFound) is not { } file)
            return NotStarted(commandLine[0], notFound, reason: null);

        var interruption = new Interruption();
        try
        {
            await using var cache = call.OpenCache();
            await using var lease = await call.AcquireAsync(cache, interruption.Token);
            if (call.Settings.Json)
                Stdio.Note(JsonText.Line(AcquireReport.Of(lease), JsonOutput.Default.AcquireReport));
            try
            {
                using var forwarder = new SignalForwarder();
                interruption.Dispose();
                return interruption.Signal is null
                    ? await RunChildAsync(file, commandLine, lease, forwarder)
                    : throw new OperationCanceledException();
            }
            finally
            {
                if (call.Request.JobDirectory is { } jobDirectory)
                    await cache.ReleaseAsync(jobDirectory);
            }
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(call.Settings.Json);
        }
        finally
        {
            interruption.Dispose();
        }
    }

    private static async Task<int> RunChildAsync(string file, IReadOnlyList<string> commandLine, DatasetLease lease, SignalForwarder forwarder)
    {
        var start = new ProcessStartInfo(file, commandLine.Skip(1)) { UseShellExecute = false };
        start.Environment["DATASET_PATH"] = lease.Path;
        start.Environment["DSCACHE_DATASET"] = lease.Path;
        start.Environment["DSCACHE_CACHE_KEY"] = lease.CacheKey;
        Process child;
        try
        {
            child = Process.Start(start)!;
        }
        catch (Win32Exception exception)
        {
            const int noSuchFile = 2;
            return NotStarted(file, exception.NativeErrorCode == noSuchFile ? ExitCode.CommandNotFound : ExitCode.NotExecutable, exception.Message);
        }
        using (child)
        {
            forwarder.Start(child.Id);
            await child.WaitForExitAsync(CancellationToken.None);
            forwarder.Stop();
            // A child that signal N ended reports 128 + N, as in a shell.
            return child.ExitCode;
        }
    }

    private static int NotStarted(string command, int exitCode, string? reason)
    {
        Stdio.Note(exitCode == ExitCode.CommandNotFound
            ? $"dscache: {command}: command not found{(reason is null ? "" : $" ({reason})")}"
            : $"dscache: {command}: cannot be executed{(reason is null ? "" : $" ({reason})")}");
        return exitCode;
    }
}
