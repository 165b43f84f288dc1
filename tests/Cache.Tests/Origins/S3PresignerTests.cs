using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using DatasetCache.Origins;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

public sealed class S3PresignerTests
{
    [Theory]
    [InlineData("simple.jpg")]
    [InlineData("datasets/a b/c+d%41#?&=;,.jpg")]
    [InlineData("ü–漢字/\U0001F600~!*'()@$:[]{}|^`\\\"<>.jpg")]
    [InlineData("tab\tnew\nline\u0001")]
    [InlineData("a//b")]
    public async Task Its_URLs_are_those_of_the_AWS_SDK(string key)
    {
        foreach (var token in new[] { null, "to/ken+with=odd&characters" })
        {
            using var client = new AmazonS3Client(
                token is null ? new BasicAWSCredentials("KEY/1", "secret") : new SessionAWSCredentials("KEY/1", "secret", token),
                new AmazonS3Config { ServiceURL = "http://localhost:9000", ForcePathStyle = true, AuthenticationRegion = "auto" });
            var expected = await client.GetPreSignedURLAsync(new GetPreSignedUrlRequest
            {
                BucketName = "bucket",
                Key = key,
                Expires = TimeProvider.System.GetUtcNow().UtcDateTime + S3Presigner.Lifetime,
                Protocol = Protocol.HTTP,
            });
            var query = Query(expected);
            var time = DateTimeOffset.ParseExact(query["X-Amz-Date"], "yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

            var url = new S3Presigner(new Uri("http://localhost:9000/bucket/"), "auto")
                .Presign(new OriginCredentials("KEY/1", "secret", token), key, time).OriginalString;

            Assert.Equal(expected[..expected.IndexOf('?', StringComparison.Ordinal)], url[..url.IndexOf('?', StringComparison.Ordinal)]);
            // The SDK orders them differently; the server sorts.
            Assert.Equal(query.OrderBy(p => p.Key, StringComparer.Ordinal), Query(url).OrderBy(p => p.Key, StringComparer.Ordinal));
        }
    }

    [Fact]
    public void The_signing_key_follows_the_day_and_the_secret()
    {
        var presigner = new S3Presigner(new Uri("http://localhost/b/"), "r");
        var day = new DateTimeOffset(2026, 1, 1, 23, 59, 59, TimeSpan.Zero);
        Uri[] inTurn = [Sign(presigner, "s", day), Sign(presigner, "s", day.AddSeconds(1)), Sign(presigner, "t", day.AddSeconds(1))];
        Uri[] fresh = [Sign(Fresh(), "s", day), Sign(Fresh(), "s", day.AddSeconds(1)), Sign(Fresh(), "t", day.AddSeconds(1))];
        Assert.Equal(fresh.Select(url => url.OriginalString), inTurn.Select(url => url.OriginalString));

        static S3Presigner Fresh() => new(new Uri("http://localhost/b/"), "r");
        static Uri Sign(S3Presigner presigner, string secret, DateTimeOffset time) => presigner.Presign(new OriginCredentials("k", secret), "o", time);
    }

    private static Dictionary<string, string> Query(string url) => url[(url.IndexOf('?', StringComparison.Ordinal) + 1)..].Split('&')
        .Select(part => part.Split('=', 2)).ToDictionary(part => part[0], part => part[1], StringComparer.Ordinal);
}
