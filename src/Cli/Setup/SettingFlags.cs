using System.CommandLine;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Setup;

/// <summary>
/// Every setting that has a flag, as options of a command. A command's help shows the few that belong to its everyday use; all others work
/// too and <c>dscache config show</c> lists them.
/// </summary>
internal sealed class SettingFlags
{
    private readonly List<(Setting Setting, Option Option)> options = [];

    public SettingFlags(params string[] everyday) : this(SettingTable.All, everyday)
    {
    }

    private SettingFlags(IEnumerable<Setting> settings, string[] everyday)
    {
        foreach (var setting in settings)
        {
            if (setting.Flag is null)
                continue;
            var option = Create(setting);
            option.Hidden = !everyday.Contains(setting.Name, StringComparer.Ordinal);
            options.Add((setting, option));
        }
    }

    /// <summary>These settings and no others.</summary>
    public static SettingFlags Only(params string[] names) => new(names.Select(SettingTable.Get), names);

    public void AddTo(Command command)
    {
        foreach (var (_, option) in options)
            command.Add(option);
    }

    /// <summary>What stands on the command line, by the settings' canonical names.</summary>
    public IReadOnlyDictionary<string, string> Read(ParseResult parse)
    {
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (setting, option) in options)
        {
            if (parse.GetResult(option) is not { Implicit: false })
                continue;
            given[setting.Name] = option switch
            {
                Option<bool> flag => parse.GetValue(flag) ? "true" : "false",
                Option<string[]> list => string.Join(';', parse.GetValue(list)!),
                _ => parse.GetValue((Option<string>)option)!,
            };
        }
        return given;
    }

    private static Option Create(Setting setting)
    {
        var description = setting.Description + (setting.Default is { } value && !IsSwitch(setting) ? $" Default: {value}" : "");
        if (IsSwitch(setting))
        {
                var option = new Option<bool>(setting.Flag!) { Description = description };
            if (setting.Name is SettingTable.Quiet)
                option.Aliases.Add("-q");
            return option;
        }
        if (setting.IsList)
            return new Option<string[]>(setting.Flag!) { Description = description, HelpName = "GLOB" };
        var text = new Option<string>(setting.Flag!) { Description = description };
        if (setting.Choices.Count > 0)
        {
            text.OneOf(setting.Choices);
            text.HelpName = string.Join('|', setting.Choices);
        }
        else
            text.HelpName = setting.Name is SettingTable.CacheRoot ? "CACHE_ROOT" : setting.Name is SettingTable.CacheSharedRoot ? "DIR[:DIR…]" : setting.Name is SettingTable.OriginUrl ? "s3://BUCKET[/PREFIX]|FOLDER" : "VALUE";
        return text;
    }

    private static bool IsSwitch(Setting setting) => setting.Choices is ["true", "false"];
}
