using System.Security.Cryptography;
using System.Text;
using DatasetCache.Datasets;

namespace DatasetCache.Coordination;

/// <summary>
/// The names under which the cluster coordinates: the cache key with a part of the identity's digest, since a cache key alone grows on each host by what else is there.
/// </summary>
internal static class ClusterKey
{
    /// <summary>Example: <c>snap_2b2fca921e88_1bb25f37~0123456789abcdef</c>.</summary>
    public static string Of(DatasetIdentity identity) => $"{identity.ShortName}~{identity.Digest[..16]}";

    /// <summary>Where it is agreed what a mutable dataset is at present.</summary>
    public static string OfLatest(string origin, string prefix) => "latest~" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{origin}\n{prefix}")))[..16];
}
