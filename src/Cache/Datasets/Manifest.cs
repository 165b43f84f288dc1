using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Datasets;

/// <summary>One file of a dataset: its path below the dataset ('/' between parts), and the version of the object that holds it.</summary>
public sealed record ManifestFile(string Path, long Size, string ETag);

/// <summary>Exactly which files, of which versions, a cache entry holds, in the order that defines pieces.</summary>
public sealed class Manifest
{
    private readonly Lazy<string> digest;

    public Manifest(IEnumerable<ManifestFile> files)
    {
        var sorted = files.ToArray();
        Array.Sort(sorted, static (a, b) => PathOrder.Compare(a.Path, b.Path));
        Files = sorted;
        Bytes = sorted.Sum(file => file.Size);
        digest = new Lazy<string>(ComputeDigest);
    }

    public IReadOnlyList<ManifestFile> Files { get; }

    public long Bytes { get; }

    /// <summary>SHA-256 over path, size and ETag of every file, 64 hex digits: two listings with the same digest are the same dataset.</summary>
    public string Digest => digest.Value;

    private string ComputeDigest()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Files)
            hash.AppendData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{file.Path}\0{file.Size}\0{file.ETag}\n")));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
