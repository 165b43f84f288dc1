// A training job that gets its dataset by way of the library: training-job DATASET JOB_DIR
// DATASET is s3://bucket/prefix or a folder. The settings are those of appsettings.json's section DatasetCache; the variables that dscache knows
// (DSCACHE_ROOT, EXTERNAL_ACCESS_KEY …) win over it, and so this job and dscache share one cache.
using DatasetCache;
using DatasetCache.Datasets;
using DatasetCache.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using TrainingJob;

if (args is not [var dataset, var jobDirectory])
{
    await Console.Error.WriteLineAsync("usage: training-job DATASET JOB_DIR");
    return 64;
}

var builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
builder.Services.AddDatasetCache(builder.Configuration.GetSection("DatasetCache"));
using var host = builder.Build();
try
{
    // Wrong settings end it here, all of them in one message.
    await host.StartAsync();

    var cache = host.Services.GetRequiredService<LocalDatasetCache>();
    // The log has these too; a job may want to do something about them.
    cache.Updated += (_, update) => Console.WriteLine($"updated: {update.Changes.Added} added, {update.Changes.Changed} changed, {update.Changes.Removed} removed");
    cache.Evicted += (_, gone) => Console.WriteLine($"evicted: {gone.CacheKey}");

    // Code that only gets datasets asks for IDatasetCache: a cluster's client is one too.
    await using var lease = await host.Services.GetRequiredService<IDatasetCache>().AcquireAsync(
        new AcquireRequest
        {
            Dataset = new DatasetRef { Origin = dataset },
            JobDirectory = Path.GetFullPath(jobDirectory),
            JobId = Environment.GetEnvironmentVariable("JOB_ID"),
        },
        new ProgressLines());

    Console.WriteLine($"{lease.Outcome}: {lease.Files} files, {lease.Bytes} bytes at {lease.Path}");
    Train(lease.Path);

    // The link in the job directory keeps the dataset on this host until the job lets go of it.
    cache.Release(jobDirectory);
    return 0;
}
catch (DatasetCacheException failure)
{
    await Console.Error.WriteLineAsync($"{failure.Code}: {failure.Message} {failure.Advice}");
    return failure.IsWorthRetrying ? 75 : 1;
}
finally
{
    await host.StopAsync();
}

// Stands for the real thing: it reads every file.
static void Train(string dataset)
{
    var bytes = Directory.EnumerateFiles(dataset, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = default })
        .Sum(file => (long)File.ReadAllBytes(file).Length);
    Console.WriteLine($"trained on {bytes} bytes");
}
