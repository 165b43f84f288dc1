using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace DatasetCache.Client;

/// <summary>Puts the cluster's cache among a program's services.</summary>
public static class ServiceCollectionExtensions
{
    /// <summary>
    /// Registers one <see cref="DatasetCacheClient"/>, also as <see cref="IDatasetCache"/>. It connects when it is first used, and again whenever the node comes back; an Orleans client that the
    /// program has of its own is another one.
    /// </summary>
    /// <param name="services">Where to register.</param>
    /// <param name="configure">Changes the defaults: <c>options => options.Gateway = "127.0.0.1:30001"</c>.</param>
    /// <remarks>A host checks the options when it starts, others when the client is first asked for.</remarks>
    public static IServiceCollection AddDatasetCacheClient(this IServiceCollection services, Action<DatasetCacheClientOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptions<DatasetCacheClientOptions>();
        if (configure is not null)
            options.Configure(configure);
        options.PostConfigure(made => made.Validate()).ValidateOnStart();
        services.TryAddSingleton(provider => new DatasetCacheClient(
            provider.GetRequiredService<IOptions<DatasetCacheClientOptions>>().Value, provider.GetService<ILoggerFactory>(), provider.GetService<TimeProvider>()));
        services.TryAddSingleton<IDatasetCache>(provider => provider.GetRequiredService<DatasetCacheClient>());
        return services;
    }
}
