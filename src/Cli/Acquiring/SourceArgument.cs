using DatasetCache.Datasets;

namespace DatasetCache.Cli.Acquiring;

/// <summary>What SOURCE, <c>--dataset</c> and <c>--hash</c> mean together with a job's environment.</summary>
internal static class SourceArgument
{
    private const int HashDigits = 64;

    /// <param name="source">SOURCE as given: <c>s3://…</c>, a folder, a snapshot id, or null where the environment names it.</param>
    /// <param name="dataset"><c>--dataset</c>.</param>
    /// <param name="hash"><c>--hash</c>.</param>
    /// <param name="origin"><c>--origin</c>, only where it stood on the command line.</param>
    /// <param name="variable">Looks up an environment variable.</param>
    /// <exception cref="InvalidRequestException">They contradict each other, or name no dataset.</exception>
    public static DatasetRef Resolve(string? source, string? dataset, string? hash, string? origin, Func<string, string?> variable)
    {
        if (source is { Length: 0 })
            throw new InvalidRequestException("SOURCE is empty.", "Name a snapshot id, s3://bucket/prefix or a folder, or leave it out and set SNAPSHOT_ID.");
        if (source is not null && IsDataset(source, dataset))
            return OfDataset(source, dataset, hash, origin);

        var snapshot = source ?? NonEmpty(variable("SNAPSHOT_ID")) ?? throw new InvalidRequestException(
            "No dataset is named: SOURCE is missing and SNAPSHOT_ID is not set.",
            "Name a snapshot id, s3://bucket/prefix or a folder, or set SNAPSHOT_ID.");
        var id = NonEmpty(dataset) ?? NonEmpty(variable("DATASET_ID")) ?? throw new InvalidRequestException(
            $"'{snapshot}' is taken for a snapshot id, but no dataset is named: --dataset is missing and DATASET_ID is not set.",
            $"Add --dataset DATASET_ID; if '{snapshot}' is meant to be a folder, write ./{snapshot}.");
        return new DatasetRef
        {
            Origin = origin is null ? null : Absolute(origin),
            SnapshotId = snapshot,
            DatasetId = id,
            VersionHash = hash is not null ? Hash(hash, "--hash") : Hash(NonEmpty(variable("DATASET_VERSION_HASH")), "DATASET_VERSION_HASH"),
        };
    }

    // SNAPSHOT_ID and its companions describe another dataset than the one that stands here: they are not read.
    private static DatasetRef OfDataset(string source, string? dataset, string? hash, string? origin)
    {
        if (dataset is not null)
        {
            throw new InvalidRequestException(
                $"'{source}' is a dataset itself, so --dataset {dataset} makes no sense beside it.",
                $"Either leave --dataset out, or write: SNAPSHOT_ID --dataset {dataset} --origin {source}");
        }
        if (origin is not null)
            throw new InvalidRequestException($"'{source}' is a dataset itself, so --origin {origin} makes no sense beside it.", "Leave one of them out.");
        return new DatasetRef { Origin = Absolute(source), VersionHash = Hash(hash, "--hash") };
    }

    /// <summary>Whether SOURCE is a dataset itself, and not a snapshot of one.</summary>
    public static bool IsDataset(string source, string? dataset) =>
        source.Contains('/', StringComparison.Ordinal) || source[0] == '.' || (dataset is null && Directory.Exists(source));

    private static string Absolute(string place) => place.Contains("://", StringComparison.Ordinal) ? place : Path.GetFullPath(place);

    private static string? Hash(string? hash, string where)
    {
        if (hash is null)
            return null;
        if (hash.Length != HashDigits || !hash.All(char.IsAsciiHexDigit))
        {
            throw new InvalidRequestException(
                $"{where} is '{hash}' ({hash.Length} characters): a dataset version hash is a SHA-256, {HashDigits} hex digits.",
                "Pass the whole hash, or leave it out to take what the origin has.");
        }
        return hash.ToLowerInvariant();
    }

    private static string? NonEmpty(string? value) => string.IsNullOrEmpty(value) ? null : value;
}
