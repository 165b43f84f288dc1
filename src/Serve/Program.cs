using DatasetCache;
using DatasetCache.Configuration;
using DatasetCache.Http.Serving;
using DatasetCache.Serve;

const string Program = "dscache serve";
try
{
    var arguments = NodeArguments.Parse(Program, ServingSettings.OfOneHost, args);
    if (arguments.WantsHelp)
    {
        await Console.Out.WriteAsync(NodeArguments.Help($"{Program}: this host's cache as a daemon, with an HTTP API and pages, without a cluster.", ServingSettings.OfOneHost));
        return 0;
    }
    Func<string, string?> environment = Environment.GetEnvironmentVariable;
    var sources = new SettingSources(arguments, environment, Settings.ConfigFiles(environment));
    var configuration = sources.Read();
    var serving = ServingSettings.Read(configuration);
    configuration.Errors.ThrowIfAny();
    await ServeApplication.RunAsync(configuration.Engine, serving, sources);
    return 0;
}
catch (DatasetCacheException e)
{
    return await NodeExit.ReportAsync(Program, e);
}
