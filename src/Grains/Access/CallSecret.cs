using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Grains;

/// <summary>
/// Signs calls between nodes: good for one grain, until it expires. Made for each call, which costs a microsecond or two.
/// </summary>
internal sealed class CallSecret
{
    /// <summary>How far the clocks of two nodes may be apart: what one of them signs is good at the other all the same.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromHours(1);

    // What a call may spend on its way, besides. It is read when it is invoked, after it has waited its turn.
    private static readonly TimeSpan OnTheWay = TimeSpan.FromMinutes(1);

    public static readonly TimeSpan Life = Skew + OnTheWay;

    private const int SignatureBytes = 32;
    private readonly byte[] key;

    /// <param name="key">32 bytes or more.</param>
    public CallSecret(ReadOnlySpan<byte> key)
    {
        if (key.Length < SignatureBytes)
            throw new ArgumentException($"A key of {key.Length} bytes is too short.", nameof(key));
        this.key = key.ToArray();
    }

    public override string ToString() => "(secret)";

    public string Sign(GrainId target, DateTimeOffset expires)
    {
        var until = expires.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Span<byte> signature = stackalloc byte[SignatureBytes];
        Hash(target, until, signature);
        return $"{CallCredential.OfNode}{until} {Convert.ToHexStringLower(signature)}";
    }

    /// <summary>Null where it is right, or else what is wrong with it.</summary>
    public string? Fault(string credential, GrainId target, DateTimeOffset now)
    {
        var parts = credential[CallCredential.OfNode.Length..].Split(' ');
        Span<byte> given = stackalloc byte[SignatureBytes];
        Span<byte> right = stackalloc byte[SignatureBytes];
        if (parts.Length != 2 || parts[1].Length != 2 * SignatureBytes || Convert.FromHexString(parts[1], given, out _, out _) != System.Buffers.OperationStatus.Done)
            return NotOurs;
        Hash(target, parts[0], right);
        if (!CryptographicOperations.FixedTimeEquals(given, right) || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var until))
            return NotOurs;
        // From here on it was made by somebody who knows the secret, and may be told what is wrong.
        var left = until - now.ToUnixTimeSeconds();
        return left <= 0 || left > (Life + Skew).TotalSeconds
            ? $"what it is signed with has expired, or the clocks of two nodes are more than {Skew.TotalHours:0} h apart"
            : null;
    }

    private const string NotOurs = "it is not signed with this cluster's secret (cluster.secret) for this grain";

    // Of a part of a silo only what it is: its key is the silo's address, which senders know with another port or without its generation.
    private void Hash(GrainId target, string until, Span<byte> signature)
        => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"DatasetCache call 1\n{(target.IsSystemTarget() ? target.Type.ToString() : target.ToString())}\n{until}"), signature);
}
