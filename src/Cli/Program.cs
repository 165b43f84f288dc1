using DatasetCache.Cli;

return await CommandLine.RunAsync(args);
