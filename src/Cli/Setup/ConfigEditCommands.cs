using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Setup;

/// <summary><c>dscache config set</c>, <c>get</c>, <c>unset</c> and <c>path</c>. They work where the settings are wrong, too: that is when they are needed.</summary>
internal static class ConfigEditCommands
{
    public static void AddTo(Command config, Session session)
    {
        config.Add(Get(session));
        config.Add(Set(session));
        config.Add(Unset(session));
        config.Add(Where(session));
    }

    private static Argument<string> Name() => new Argument<string>("SETTING") { Description = "The setting's name, as 'config show' lists them, for example cache.maxSize." }.RefuseOptions();

    private static Command Get(Session session)
    {
        var command = new Command("get", "Print the value of a setting that is in effect. A secret is not printed.");
        var name = Name();
        command.Add(name);
        var flags = new SettingFlags(SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) =>
        {
            var resolved = Resolve(session, session.LoadSettings(parse, flags), Find(parse.GetRequiredValue(name)));
            if (session.Json)
                Stdio.Print(JsonText.Pretty(SettingLine.Of(resolved), JsonOutput.Default.SettingLine));
            else if (resolved.Shown is { } value)
                Stdio.Print(value);
            else
                Stdio.Note($"dscache: {resolved.Setting.Name} is not set.");
            return Task.FromResult(resolved.Value is null ? ExitCode.Configuration : ExitCode.Ok);
        });
        return command;
    }

    private static Command Set(Session session)
    {
        var command = new Command("set", "Write a setting into dscache.json. All else in the file stays as it is.");
        var name = Name();
        var value = new Argument<string>("VALUE") { Description = "Its value; ';' between the values of a list. '-' reads it from standard input, so that a secret is in no history and in no process list." };
        command.Add(name);
        command.Add(value);
        var place = new ConfigPlace();
        place.AddTo(command);
        var flags = SettingFlags.Only(SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction(async (parse, cancellationToken) =>
        {
            var setting = Find(parse.GetRequiredValue(name));
            var text = parse.GetRequiredValue(value);
            if (string.Equals(text, "-", StringComparison.Ordinal))
                text = (await Console.In.ReadToEndAsync(cancellationToken)).TrimEnd('\n', '\r');
            if (text.Length == 0)
                throw new InvalidRequestException($"The value of {setting.Name} is empty.", $"'dscache config unset {setting.Name}' removes it.");
            return await ChangeAsync(session, parse, flags, setting, place.Read(parse, session.Variable), content => ConfigEditor.Set(content, setting, text), "set", cancellationToken);
        });
        return command;
    }

    private static Command Unset(Session session)
    {
        var command = new Command("unset", "Remove a setting from dscache.json.");
        var name = Name();
        command.Add(name);
        var place = new ConfigPlace();
        place.AddTo(command);
        var flags = SettingFlags.Only(SettingTable.Json, SettingTable.Quiet);
        flags.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            var setting = Find(parse.GetRequiredValue(name));
            return ChangeAsync(session, parse, flags, setting, place.Read(parse, session.Variable), content => ConfigEditor.Unset(content, setting), "unset", cancellationToken);
        });
        return command;
    }

    private static Command Where(Session session)
    {
        var command = new Command("path", "Print the file that 'config set' would write.");
        var place = new ConfigPlace();
        place.AddTo(command);
        var flags = SettingFlags.Only(SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) =>
        {
            var path = place.Read(parse, session.Variable);
            Stdio.Print(session.Json ? JsonText.Line(new ConfigFileLine(path, File.Exists(path)), JsonOutput.Default.ConfigFileLine) : path);
            return Task.FromResult(ExitCode.Ok);
        });
        return command;
    }

    private static ResolvedSetting Resolve(Session session, Settings settings, Setting setting) => NodeSettingTable.Find(setting.Name) is null
        ? settings[setting.Name]
        : NodeSettingTable.Resolve(session.Variable, Settings.ConfigFiles(session.Variable)).First(resolved => resolved.Setting == setting);

    /// <exception cref="InvalidRequestException">There is no such setting.</exception>
    private static Setting Find(string name) => SettingTable.Find(name) ?? NodeSettingTable.Find(name) ?? throw new InvalidRequestException(
        $"There is no setting '{name}'.", (SettingTable.Nearest(name) is { } nearest ? $"Did you mean '{nearest}'? " : "") + "'dscache config show' lists them.");

    private static async Task<int> ChangeAsync(
        Session session, ParseResult parse, SettingFlags flags, Setting setting, string path, Func<byte[], byte[]?> edit, string done, CancellationToken cancellationToken)
    {
        var changed = false;
        IReadOnlyList<string> wrong = [];
        await ConfigEditor.WriteAsync(path, content =>
        {
            var before = ConfigEditor.Problems(path, content);
            if (before.FirstOrDefault(problem => problem.Setting is "dscache.json") is { Message: { } unreadable })
                throw new ConfigurationException("dscache.json", unreadable, "Mend the file, or move it away; nothing was changed.");
            if (edit(content) is not { } text)
                return null;
            var after = ConfigEditor.Problems(path, text);
            // Of a key pair one half comes first: that it lacks the other is no reason to refuse it.
            var isHalf = setting.Name is SettingTable.OriginAccessKey or SettingTable.OriginSecretKey;
            if (!isHalf && after.Except(before).FirstOrDefault() is { Message: { } bad })
                throw new InvalidRequestException(bad, "Nothing was changed.");
            wrong = [.. after.Select(problem => problem.Message)];
            changed = true;
            return text;
        }, session.Time, cancellationToken);

        var given = flags.Read(parse);
        if (session.Json)
            Stdio.Print(JsonText.Line(new ConfigChangeDocument(path, setting.Name, changed), JsonOutput.Default.ConfigChangeDocument));
        else if (!given.ContainsKey(SettingTable.Quiet))
            Stdio.Note(changed ? $"dscache: {setting.Name} is {done} in {path}." : $"dscache: {setting.Name} does not stand in {path}: nothing to do.");
        foreach (var message in wrong)
            Stdio.Note($"dscache: warning: {message}");
        if (changed && wrong.Count == 0 && done is "set")
            Overridden(session, setting, path);
        return ExitCode.Ok;
    }

    // A value that is set and has no effect astonishes.
    private static void Overridden(Session session, Setting setting, string path)
    {
        try
        {
            var settings = Settings.Load(new Dictionary<string, string>(StringComparer.Ordinal), session.Variable, Settings.ConfigFiles(session.Variable));
            var source = Resolve(session, settings, setting).Source;
            if (source.Origin == SettingOrigin.Environment || (source.Origin == SettingOrigin.File && !string.Equals(source.Name, path, StringComparison.Ordinal)))
                Stdio.Note($"dscache: warning: {source} has a value for {setting.Name} too, which comes first here.");
            else if (source.Origin == SettingOrigin.Default)
                Stdio.Note($"dscache: warning: {path} is not read here: 'dscache config show' lists the files that are.");
        }
        catch (ConfigurationException e)
        {
            Stdio.Note($"dscache: warning: {e.Message}");
        }
    }
}

/// <summary>What <c>config set --json</c> and <c>config unset --json</c> print.</summary>
internal sealed record ConfigChangeDocument(string File, string Setting, bool Changed);
