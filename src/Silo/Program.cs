using DatasetCache;
using DatasetCache.Configuration;
using DatasetCache.Http.Serving;
using DatasetCache.Silo.Running;
using DatasetCache.Silo.Settings;

const string Program = "dscache-silo";
try
{
    var arguments = NodeArguments.Parse(Program, NodeSettingTable.All, args);
    if (arguments.WantsHelp)
    {
        await Console.Out.WriteAsync(NodeArguments.Help($"{Program}: this host as a node of a cluster of dataset caches.", NodeSettingTable.All));
        return 0;
    }
    Func<string, string?> environment = Environment.GetEnvironmentVariable;
    var sources = new SettingSources(arguments, environment, Settings.ConfigFiles(environment));
    var configuration = sources.Read();
    var node = NodeSettings.Load(configuration);
    await SiloApplication.RunAsync(configuration.Engine, node, sources);
    return 0;
}
catch (DatasetCacheException e)
{
    return await NodeExit.ReportAsync(Program, e);
}
