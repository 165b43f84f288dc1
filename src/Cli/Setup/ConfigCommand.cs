using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Setup;

/// <summary><c>dscache config</c>, and its <c>show</c>: every setting, its value and the place that it came from.</summary>
internal static class ConfigCommand
{
    public static Command Define(Command command, Session session)
    {
        var show = new Command("show", "Show every setting, its value, and the flag, variable or file that it comes from. Secrets are hidden.");
        var flags = new SettingFlags(SettingTable.Json);
        flags.AddTo(show);
        show.SetAction((parse, _) => Task.FromResult(Show(session, session.LoadSettings(parse, flags))));
        command.Add(show);
        var ofAll = new SettingFlags(SettingTable.Json);
        ofAll.AddTo(command);
        command.SetAction((parse, _) => Task.FromResult(Show(session, session.LoadSettings(parse, ofAll))));
        ConfigEditCommands.AddTo(command, session);
        return command;
    }

    private static int Show(Session session, Settings settings)
    {
        var files = Settings.ConfigFiles(session.Variable);
        var all = settings.All.Concat(NodeSettingTable.Resolve(session.Variable, files)).ToArray();
        if (settings.Json)
        {
            var document = new SettingsDocument(
                [.. all.Select(SettingLine.Of)], [.. files.Select(file => new ConfigFileLine(file, File.Exists(file)))]);
            Stdio.Print(JsonText.Pretty(document, JsonOutput.Default.SettingsDocument));
            return ExitCode.Ok;
        }
        var table = new TextTable("SETTING", "VALUE", "FROM", "FLAG", "ENVIRONMENT");
        foreach (var setting in all)
        {
            table.Add(
                setting.Setting.Name, setting.Shown ?? "-", setting.Source.ToString(), setting.Setting.Flag ?? "-", string.Join(' ', setting.Setting.Variables));
        }
        table.Write(Stdio.Out);
        Stdio.Print("\nFiles, the first that sets a value wins: "
            + string.Join(", ", files.Select(file => file + (File.Exists(file) ? "" : " (not there)"))));
        return ExitCode.Ok;
    }
}

internal sealed record SettingsDocument(IReadOnlyList<SettingLine> Settings, IReadOnlyList<ConfigFileLine> Files);

internal sealed record ConfigFileLine(string Path, bool Exists);

internal sealed record SettingLine(string Name, string? Value, string From, string? Flag, IReadOnlyList<string> Environment, string Description)
{
    public static SettingLine Of(ResolvedSetting setting) => new(
        setting.Setting.Name, setting.Shown, setting.Source.ToString(), setting.Setting.Flag, setting.Setting.Variables, setting.Setting.Description);
}
