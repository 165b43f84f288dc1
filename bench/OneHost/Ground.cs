using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Bench.OneHost;

/// <summary>Where a race is held: the programs, the S3 server, the folder. <c>bench/run</c> sets all of it in the environment.</summary>
public sealed class Ground
{
    private Ground()
    {
    }

    public required S3Server S3 { get; init; }

    /// <summary>Empty until the data is there.</summary>
    public required string Bucket { get; init; }

    public required string Folder { get; init; }

    public required string Dscache { get; init; }

    public required string Floor { get; init; }

    public required string Aws { get; init; }

    /// <summary>Where rivals that are scripts of ours are.</summary>
    public required string Programs { get; init; }

    public required int Rounds { get; init; }

    public static async Task<Ground> FromEnvironmentAsync() => new()
    {
        S3 = await S3Server.GetAsync(),
        Bucket = Environment.GetEnvironmentVariable("BENCH_BUCKET") ?? "",
        Folder = Get("BENCH_DIR"),
        Dscache = Get("BENCH_DSCACHE"),
        Floor = Get("BENCH_FLOOR"),
        Aws = Get("BENCH_AWS"),
        Programs = Get("BENCH_PROGRAMS"),
        Rounds = int.Parse(Get("BENCH_ROUNDS"), CultureInfo.InvariantCulture),
    };

    /// <summary>A folder for one run, fresh and empty.</summary>
    public string Fresh(string name) => Directory.CreateDirectory(Path.Combine(Folder, name)).FullName;

    private static string Get(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value
        ? value
        : throw new InvalidOperationException($"{name} is not set: start races by bench/run.");
}
