using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Diagnosis;

/// <summary><c>dscache doctor</c>: everything that must hold before a job can rely on the cache, checked for real.</summary>
internal static class DoctorCommand
{
    public static Command Define(Command command, Session session)
    {
        var flags = new SettingFlags(SettingTable.OriginUrl, SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, cancellationToken) => RunAsync(session, parse, flags, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(Session session, ParseResult parse, SettingFlags flags, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        // As they come: a store that does not answer takes its time.
        await foreach (var finding in CheckAllAsync(session, parse, flags, cancellationToken))
        {
            findings.Add(finding);
            if (!session.Json)
                Write(finding);
        }
        var failed = findings.Find(finding => finding.Verdict == Verdict.Fail);
        var exitCode = failed?.Code is { } code ? ExitCode.Of(code) : ExitCode.Ok;
        if (session.Json)
            Stdio.Print(JsonText.Pretty(new DoctorDocument([.. findings.Select(FindingLine.Of)], exitCode), JsonOutput.Default.DoctorDocument));
        return exitCode;
    }

    private static async IAsyncEnumerable<Finding> CheckAllAsync(
        Session session, ParseResult parse, SettingFlags flags, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Settings? settings = null;
        Finding read;
        try
        {
            settings = session.LoadSettings(parse, flags);
            var file = Settings.ConfigFiles(session.Variable).FirstOrDefault(File.Exists);
            read = Finding.Ok("settings", file is null ? "read from flags and environment; no dscache.json" : $"read, with {file}");
        }
        catch (DatasetCacheException exception)
        {
            read = Finding.Fail("settings", exception);
        }
        yield return read;
        if (settings is null)
            yield break;
        await foreach (var finding in OriginChecks.RunAsync(session, settings, cancellationToken))
            yield return finding;
        foreach (var finding in DiskChecks.Run(settings.Cache))
            yield return finding;
    }

    private static void Write(Finding finding)
    {
        Stdio.Print($"{FindingLine.Word(finding.Verdict),-5} {finding.Check,-14} {finding.Detail}");
        if (finding.Advice is not null && finding.Verdict != Verdict.Ok)
            Stdio.Print($"{"",-20} -> {finding.Advice}");
    }
}
