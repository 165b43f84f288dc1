using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

public sealed class OriginAddressTests
{
    [Theory]
    [InlineData("s3://bucket", "bucket", "")]
    [InlineData("s3://bucket/", "bucket", "")]
    [InlineData("S3://bucket/a", "bucket", "a/")]
    [InlineData("s3://bucket/a/b//", "bucket", "a/b/")]
    [InlineData("s3://My_Bucket.1/a b?c#d/", "My_Bucket.1", "a b?c#d/")]
    public void An_S3_URL_is_a_bucket_and_whole_path_segments(string text, string bucket, string prefix) =>
        Assert.Equal(new OriginAddress(OriginKind.S3, bucket, prefix), OriginAddress.Parse(text));

    [Fact]
    public void A_folder_is_made_absolute()
    {
        Assert.Equal(new OriginAddress(OriginKind.Folder, "/data/sets", ""), OriginAddress.Parse("/data/x/../sets/"));
        Assert.Equal(Path.Combine(Environment.CurrentDirectory, "sets"), OriginAddress.Parse("sets").Bucket);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s3://")]
    [InlineData("s3:///prefix")]
    [InlineData("s3://-bucket")]
    [InlineData("s3://user:canary@bucket/x")]
    [InlineData("gs://bucket")]
    [InlineData("https://user:canary@host/bucket?X-Amz-Signature=canary")]
    public void Anything_else_is_refused_without_showing_credentials(string text) =>
        Assert.DoesNotContain("canary", Assert.Throws<InvalidRequestException>(() => OriginAddress.Parse(text)).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("s3://b/p", null, "s3:aws/b")]
    [InlineData("s3://b/p", "https://s3.eu-west-1.amazonaws.com", "s3:aws/b")]
    [InlineData("s3://b", "http://localhost:9000", "s3:http://localhost:9000/b")]
    [InlineData("/data/", "http://localhost:9000", "folder:/data")]
    public void An_identity_names_the_place_and_no_credentials(string text, string? endpoint, string identity)
    {
        var factory = new OriginFactory(new OriginOptions { Endpoint = endpoint, Credentials = new OriginCredentials("canary", "canary") });
        var (origin, _) = factory.Open(text);
        using (origin)
            Assert.Equal(identity, origin.Identity);
    }

    [Fact]
    public void Without_a_name_the_configured_origin_is_opened()
    {
        Assert.Equal(("s3:aws/url", "p/"), Open(new OriginOptions { Url = "s3://url/p", Bucket = "bucket" }));
        Assert.Equal(("s3:aws/bucket", ""), Open(new OriginOptions { Bucket = "bucket" }));

        var none = Assert.Throws<ConfigurationException>(() => Open(new OriginOptions()));
        Assert.Equal("origin.url", none.Setting);
        Assert.Contains("DSCACHE_ORIGIN", none.Message, StringComparison.Ordinal);
        Assert.Contains("EXTERNAL_BUCKET_DATASETS", none.Message, StringComparison.Ordinal);

        var wrong = Assert.Throws<ConfigurationException>(() => Open(new OriginOptions { Bucket = "no bucket" }));
        Assert.Equal("origin.bucket", wrong.Setting);

        static (string Identity, string Prefix) Open(OriginOptions options)
        {
            var (origin, prefix) = new OriginFactory(options).Open(null);
            using (origin)
                return (origin.Identity, prefix);
        }
    }
}
