using System.CommandLine;
using System.ComponentModel;
using System.Runtime.InteropServices;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Nodes;

/// <summary>
/// <c>dscache serve</c>: this process becomes <c>dscache-serve</c>, which lies in a folder below and reads the arguments itself. ASP.NET among dscache's own frameworks would cost
/// every other command its loading.
/// </summary>
internal static class ServeCommand
{
    private const string Program = "serve/dscache-serve";

    /// <summary>For the list of commands and for completion; what is called is <see cref="Become"/>.</summary>
    public static Command Define(Command command)
    {
        command.Add(new Option<string>("--urls") { Description = "The same as --listen.", HelpName = "URL" });
        foreach (var setting in SettingTable.All.Where(setting => setting.Name.Contains('.', StringComparison.Ordinal)).Concat(NodeSettingTable.All.Where(setting => !setting.Name.StartsWith("cluster.", StringComparison.Ordinal))))
        {
            if (setting.Flag is { } flag)
                command.Add(new Option<string>(flag) { Description = setting.Description, HelpName = "VALUE" });
        }
        return command;
    }

    /// <exception cref="NodeException">It is not there, or cannot be executed.</exception>
    public static int Become(string[] arguments)
    {
        var path = Path.Join(AppContext.BaseDirectory, Program);
        if (!File.Exists(path))
        {
            throw new NodeException(ErrorCode.NotFound, $"{path}, which serves, is not there.",
                "Publish src/Serve into serve/ below the folder of dscache (scripts/build.sh does), or run dscache-serve from where it is.", isWorthRetrying: false);
        }
        _ = Native.Execute(path, [path, .. arguments, null]);
        throw new NodeException(ErrorCode.Internal, $"{path} cannot be executed: {new Win32Exception(Marshal.GetLastPInvokeError()).Message}", advice: null, isWorthRetrying: false);
    }
}
