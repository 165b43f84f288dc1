using DatasetCache;
using DatasetCache.Silo.Running;
using DatasetCache.Silo.Settings;

// Exit codes are those of dscache: of sysexits.h where one fits.
try
{
    var arguments = SiloArguments.Parse(args);
    if (arguments.WantsHelp)
    {
        await Console.Out.WriteAsync(SiloArguments.Help());
        return 0;
    }
    Func<string, string?> environment = Environment.GetEnvironmentVariable;
    var files = DatasetCache.Configuration.Settings.ConfigFiles(environment);
    var engine = DatasetCache.Configuration.Settings.Load(arguments.Engine, environment, files);
    await SiloApplication.RunAsync(engine, NodeSettings.Load(arguments.Node, environment, files));
    return 0;
}
catch (DatasetCacheException e)
{
    await Console.Error.WriteLineAsync($"dscache-silo: {e.Message}{(e.Advice is null ? "" : "\n  " + e.Advice)}");
    return e.Code switch
    {
        DatasetCache.ErrorCode.InvalidArgument => 64,
        DatasetCache.ErrorCode.LockTimeout => 75,
        DatasetCache.ErrorCode.StorageFailed => 74,
        DatasetCache.ErrorCode.Configuration => 78,
        _ => 70,
    };
}
