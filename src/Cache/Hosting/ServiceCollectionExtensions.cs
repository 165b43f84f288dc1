using DatasetCache.Origins;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace DatasetCache.Hosting;

/// <summary>Puts the cache of this host among a program's services.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Registers one <see cref="LocalDatasetCache"/>, also as <see cref="IDatasetCache"/>, with its <see cref="IOriginFactory"/> and its options
    /// (<see cref="IOptions{TOptions}"/> of <see cref="CacheOptions"/> and <see cref="OriginOptions"/>). It is opened when it is first asked for and closed with the
    /// container; what it evicts and updates is logged. What is registered already (an <see cref="IOriginFactory"/>, a <see cref="TimeProvider"/>) is used.
    /// </summary>
    /// <param name="services">Where to register.</param>
    /// <param name="section">
    /// A section of the host's configuration that holds nothing else, with the names of <c>dscache.json</c> (<c>cache:maxSize</c> = <c>50GB</c>); it takes that file's
    /// place, and the environment wins over it as it does over the file. Null: the settings that <c>dscache</c> would have, <c>dscache.json</c> included.
    /// </param>
    /// <param name="cache">Changes the options that were read; its word is the last: <c>options => options with { MaxSize = 1_000_000_000 }</c>.</param>
    /// <param name="origin">The same for how origins are reached.</param>
    /// <remarks>A host checks the options when it starts, others when the cache is first asked for: a <see cref="ConfigurationException"/> then names all that is wrong.</remarks>
    public static IServiceCollection AddDatasetCache(
        this IServiceCollection services, IConfiguration? section = null, Func<CacheOptions, CacheOptions>? cache = null, Func<OriginOptions, OriginOptions>? origin = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var settings = new HostedSettings(section, cache, origin);
        services.TryAddSingleton<IOptionsFactory<CacheOptions>>(_ => new Made<CacheOptions>(() => settings.Cache));
        services.TryAddSingleton<IOptionsFactory<OriginOptions>>(_ => new Made<OriginOptions>(() => settings.Origin));
        services.AddOptions<CacheOptions>().ValidateOnStart();
        services.AddOptions<OriginOptions>().ValidateOnStart();
        services.TryAddSingleton<IOriginFactory>(provider
            => new OriginFactory(provider.GetRequiredService<IOptions<OriginOptions>>().Value, provider.GetService<TimeProvider>()));
        services.TryAddSingleton(Open);
        services.TryAddSingleton<IDatasetCache>(provider => provider.GetRequiredService<LocalDatasetCache>());
        return services;
    }

    /// <summary>
    /// Keeps the cache healthy for as long as the host runs (<see cref="LocalDatasetCache.MaintainAsync(CancellationToken)"/>): scrubs what is due, sweeps, and keeps
    /// within the quota. For programs that run for long; of several on one root one scrubs. Comes after <see cref="AddDatasetCache"/>.
    /// </summary>
    public static IServiceCollection AddDatasetCacheMaintenance(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        return services.AddHostedService<CacheMaintenance>();
    }

    private static LocalDatasetCache Open(IServiceProvider provider)
    {
        var opened = LocalDatasetCache.Open(
            provider.GetRequiredService<IOptions<CacheOptions>>().Value, provider.GetRequiredService<IOriginFactory>(), provider.GetService<TimeProvider>());
        CacheLog.Follow(opened, provider.GetService<ILoggerFactory>()?.CreateLogger<LocalDatasetCache>() ?? NullLogger<LocalDatasetCache>.Instance);
        return opened;
    }

    // Records that are made whole: there is nothing for Configure delegates to set.
    private sealed class Made<T>(Func<T> make) : IOptionsFactory<T>
        where T : class
    {
        public T Create(string name) => make();
    }
}
