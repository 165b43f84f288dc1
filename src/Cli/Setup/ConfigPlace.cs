using System.CommandLine;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Setup;

/// <summary>Which <c>dscache.json</c> a command changes.</summary>
internal sealed class ConfigPlace
{
    private readonly Option<bool> global = new("--global") { Description = "Your own file, ~/.config/dscache/dscache.json ($XDG_CONFIG_HOME)." };
    private readonly Option<bool> system = new("--system") { Description = "The machine's file, /etc/dscache/dscache.json." };
    private readonly Option<string?> file = new("--file") { HelpName = "FILE", Description = "This file. Left out: the nearest one that is there and that you may write, else your own." };

    public void AddTo(Command command)
    {
        command.Add(global);
        command.Add(system);
        command.Add(file);
    }

    /// <exception cref="InvalidRequestException">More than one place is named.</exception>
    public string Read(ParseResult parse, Func<string, string?> variable)
    {
        var named = parse.GetValue(file);
        if ((parse.GetValue(global) ? 1 : 0) + (parse.GetValue(system) ? 1 : 0) + (named is null ? 0 : 1) > 1)
            throw new InvalidRequestException("--global, --system and --file each name a file.", "Leave all but one of them out.");
        if (named is { Length: 0 })
            throw new InvalidRequestException("--file is empty.", "Name a file.");
        if (named is not null)
            return Path.GetFullPath(named);
        // Settings.ConfigFiles wants the file that DSCACHE_CONFIG names to be there; we may be about to make it.
        if (!parse.GetValue(global) && !parse.GetValue(system) && variable("DSCACHE_CONFIG") is { Length: > 0 } configured)
            return Path.GetFullPath(configured);
        var places = Settings.ConfigFiles(name => name is "DSCACHE_CONFIG" ? null : variable(name));
        var own = places.Count > 2 ? places[^2] : null;
        if (parse.GetValue(system))
            return places[^1];
        const int writePermission = 2;
        return (parse.GetValue(global) ? null : places.FirstOrDefault(place => File.Exists(place) && Native.Access(place, writePermission) == 0))
            ?? own
            ?? throw new InvalidRequestException("HOME is not set, so that there is no file of your own.", "Say --file FILE.");
    }
}
