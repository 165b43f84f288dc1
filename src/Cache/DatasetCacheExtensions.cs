using DatasetCache.Datasets;

namespace DatasetCache;

/// <summary>The everyday call of <see cref="IDatasetCache"/>.</summary>
public static class DatasetCacheExtensions
{
    /// <summary>
    /// Gets the dataset and links <c>{jobDirectory}/dataset</c> to it, in the name of the job that <c>JOB_ID</c> names in this process' environment, if it does.
    /// </summary>
    /// <param name="dataset">What the job wants: <see cref="DatasetRef.FromEnvironment"/> for a job that was started with it.</param>
    /// <param name="jobDirectory">The job's directory, absolute; it is made where it is missing.</param>
    /// <exception cref="DatasetCacheException">With a code that says what went wrong and whether a retry is worth it.</exception>
    public static Task<DatasetLease> AcquireAsync(
        this IDatasetCache cache, DatasetRef dataset, string jobDirectory, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        return cache.AcquireAsync(
            new AcquireRequest { Dataset = dataset, JobDirectory = jobDirectory, JobId = Environment.GetEnvironmentVariable("JOB_ID") is { Length: > 0 } job ? job : null },
            progress, cancellationToken);
    }
}
