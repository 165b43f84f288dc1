using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace DatasetCache.Origins;

/// <summary>
/// Presigns GETs as AWS Signature Version 4 has it. The SDK's presigner costs 136 µs and 65 KB of garbage a call: 14 s of CPU and 6.5 GB for a
/// dataset of 100,000 files. This one signs for the address, region and credentials that the SDK worked out, in 5 µs; a test holds
/// it to the SDK's result.
/// </summary>
/// <param name="baseUrl">Scheme, host and, with path style, bucket, ending in '/'.</param>
/// <param name="region">The region to sign for.</param>
internal sealed class S3Presigner(Uri baseUrl, string region)
{
    private const string Service = "s3";
    private static readonly SearchValues<byte> Unreserved =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"u8);

    private readonly string authority = baseUrl.Authority;
    private readonly string schemeAndAuthority = baseUrl.Scheme + "://" + baseUrl.Authority;
    private readonly string basePath = baseUrl.AbsolutePath;
    private SigningKey? signingKey;

    public static TimeSpan Lifetime { get; } = TimeSpan.FromHours(1);

    /// <param name="credentials">Null signs nothing: an anonymous request.</param>
    /// <param name="key">The object's key.</param>
    /// <param name="now">When the URL's life of <see cref="Lifetime"/> begins.</param>
    public Uri Presign(OriginCredentials? credentials, string key, DateTimeOffset now)
    {
        var path = basePath + Encode(key, keepSlashes: true);
        var url = credentials is null ? schemeAndAuthority + path : Sign(credentials, path, now);
        // .NET would tidy up the path ("a/./b", "%7E") after it was signed.
        return new Uri(url, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
    }

    private string Sign(OriginCredentials credentials, string path, DateTimeOffset now)
    {
        var time = now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var date = time[..8];
        var scope = $"{date}/{region}/{Service}/aws4_request";
        var token = credentials.SessionToken is { } session ? "&X-Amz-Security-Token=" + Encode(session, keepSlashes: false) : "";
        var query = $"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={Encode($"{credentials.AccessKey}/{scope}", keepSlashes: false)}"
            + $"&X-Amz-Date={time}&X-Amz-Expires={(int)Lifetime.TotalSeconds}{token}&X-Amz-SignedHeaders=host";
        var request = $"GET\n{path}\n{query}\nhost:{authority}\n\nhost\nUNSIGNED-PAYLOAD";
        var digest = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request)));
        var signature = HMACSHA256.HashData(KeyFor(credentials, date), Encoding.UTF8.GetBytes($"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"));
        return $"{schemeAndAuthority}{path}?{query}&X-Amz-Signature={Convert.ToHexStringLower(signature)}";
    }

    // The same all day long. A race makes it twice, which does no harm.
    private byte[] KeyFor(OriginCredentials credentials, string date)
    {
        if (signingKey is { } known && string.Equals(known.Date, date, StringComparison.Ordinal)
            && string.Equals(known.Secret, credentials.SecretKey, StringComparison.Ordinal))
        {
            return known.Key;
        }
        var key = Encoding.UTF8.GetBytes("AWS4" + credentials.SecretKey);
        foreach (var part in (ReadOnlySpan<string>)[date, region, Service, "aws4_request"])
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        signingKey = new SigningKey(date, credentials.SecretKey, key);
        return key;
    }

    private static string Encode(string text, bool keepSlashes)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        var encoded = new StringBuilder(text.Length + 16);
        foreach (var b in bytes)
        {
            if (Unreserved.Contains(b) || (keepSlashes && b == '/'))
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
        return encoded.ToString();
    }

    private sealed record SigningKey(string Date, string Secret, byte[] Key);
}
