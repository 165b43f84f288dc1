using System.Net;

namespace DatasetCache.Http.Access;

/// <summary>Who may use what a node serves.</summary>
internal sealed record AccessOptions
{
    /// <summary>The file of tokens; null where the node's own token is the only one. Default: none.</summary>
    public string? TokenFile { get; init; }

    /// <summary>Where the node listens for others than its host's own processes. Default: nowhere.</summary>
    public IPEndPoint? Open { get; init; }

    /// <summary>Attempts to log in from one address. Default: 10 at once, one more a second.</summary>
    public WriteLimit Logins { get; init; } = new(10, TimeSpan.FromSeconds(1), 1);

    /// <summary>What one token may have an operator's routes do. Default: 200 at once, 20 more a second.</summary>
    public WriteLimit Operations { get; init; } = new(200, TimeSpan.FromMilliseconds(100), 2);

    /// <summary>Acquires, renewals and the like with one token: all jobs of a host share the node's. Default: 20,000 at once, 5,000 more a second.</summary>
    public WriteLimit Acquires { get; init; } = new(20_000, TimeSpan.FromMilliseconds(100), 500);
}

/// <param name="Burst">At once.</param>
/// <param name="Period">After which there are more.</param>
/// <param name="PerPeriod">How many more.</param>
internal sealed record WriteLimit(int Burst, TimeSpan Period, int PerPeriod);
