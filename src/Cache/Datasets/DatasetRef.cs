namespace DatasetCache.Datasets;

/// <summary>
/// What a job asks for: a dataset version at an origin. With a snapshot id it is immutable; without one it is whatever the origin lists now.
/// </summary>
public sealed record DatasetRef
{
    /// <summary>
    /// <c>s3://bucket[/prefix]</c> or a folder; null means the configured default. Where <see cref="DatasetId"/> is null this is the dataset itself,
    /// otherwise the place below which <c>datasets/{id}/</c> lies.
    /// </summary>
    public string? Origin { get; init; }

    /// <summary>For example <c>snap_2b2fca921e88</c>; null for a mutable dataset.</summary>
    public string? SnapshotId { get; init; }

    public string? DatasetId { get; init; }

    /// <summary>SHA-256 over the dataset's metadata files, 64 lower-case hex digits; null where the caller does not know it.</summary>
    public string? VersionHash { get; init; }

    public Selection Selection { get; init; } = Selection.Auto;

    /// <summary>
    /// The dataset a training job's environment names: <c>SNAPSHOT_ID</c>, <c>DATASET_ID</c>, <c>DATASET_VERSION_HASH</c>.
    /// </summary>
    /// <exception cref="InvalidRequestException"><c>SNAPSHOT_ID</c> or <c>DATASET_ID</c> is not set.</exception>
    public static DatasetRef FromEnvironment(Func<string, string?>? variable = null)
    {
        variable ??= Environment.GetEnvironmentVariable;
        return new DatasetRef
        {
            SnapshotId = Required("SNAPSHOT_ID"),
            DatasetId = Required("DATASET_ID"),
            VersionHash = variable("DATASET_VERSION_HASH") is { Length: > 0 } hash ? hash : null,
        };

        string Required(string name) => variable(name) is { Length: > 0 } value
            ? value
            : throw new InvalidRequestException($"The environment names no dataset: {name} is not set.", $"Set {name}, or name the dataset in the call.");
    }
}
