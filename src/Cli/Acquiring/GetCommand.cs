using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Running;

namespace DatasetCache.Cli.Acquiring;

/// <summary><c>dscache get</c>: the dataset on disk and protected, its path on stdout and nothing else.</summary>
internal static class GetCommand
{
    public static Command Define(Command command, Session session)
    {
        var arguments = new AcquireArguments(session, intoRequired: true);
        arguments.AddTo(command);
        command.SetAction((parse, _) => RunAsync(arguments.Read(parse)));
        return command;
    }

    private static async Task<int> RunAsync(AcquireCall call)
    {
        using var interruption = new Interruption();
        await using var cache = call.OpenCache();
        try
        {
            await using var lease = await call.AcquireAsync(cache, interruption.Token);
            if (lease.IsUnregistered && call.Request.Link != LinkMode.Copy)
                Stdio.Note("dscache: warning: this user may only read the cache: the link does not keep the dataset from being evicted. `dscache run` does while it runs, and --link copy takes a copy.");
            Stdio.Print(call.Settings.Json ? JsonText.Line(AcquireReport.Of(lease), JsonOutput.Default.AcquireReport) : lease.Path);
            return ExitCode.Ok;
        }
        catch (OperationCanceledException) when (interruption.Signal is { } signal)
        {
            return ErrorReport.Interrupted(signal.Number, signal.Name).Write(call.Settings.Json);
        }
    }
}
