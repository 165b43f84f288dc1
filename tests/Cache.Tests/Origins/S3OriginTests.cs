using System.Text;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

/// <summary>Against a real S3 server.</summary>
public sealed class S3OriginTests
{
    private static readonly string[] OddKeys =
    [
        "d/a b.jpg", "d/a+b.jpg", "d/100%.jpg", "d/%41.jpg", "d/#1.jpg", "d/what?.jpg", "d/a&b=c;d,e.jpg", "d/ü–漢字.jpg", "d/\U0001F600.jpg", "d/\uFF5E.jpg",
        "d/'quoted\".jpg", "d/a~b!(c)*@$:.jpg", "d/<x>&amp;.jpg", "d/back\\slash.jpg", "d/[b]{c}|^`.jpg", "d/tab\there.jpg", "d/new\nline.jpg", "d/\u0001.jpg",
        "d/a//b.jpg", "d/ leading", "d/trailing ", "d/e\u0301.jpg", "d/marker/",
    ];

    [Fact]
    public async Task A_prefix_of_more_than_two_pages_is_listed_whole()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var put = await s3.PutAllAsync(bucket, Enumerable.Range(0, 2_345).Select(i => ($"data/{i:d5}.txt", (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes($"{i}"))));
        await s3.PutAsync(bucket, "data-other/x", default);
        using var origin = Open(s3, bucket);

        var listed = await origin.ListAllAsync("data/");

        Assert.Equal(put.Values.OrderBy(o => o.Key, StringComparer.Ordinal), listed.OrderBy(o => o.Key, StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_empty_prefix_lists_nothing()
    {
        var s3 = await S3Server.GetAsync();
        using var origin = Open(s3, await s3.CreateBucketAsync());
        Assert.Empty(await origin.ListAllAsync("nothing/"));
    }

    [Fact]
    public async Task Odd_keys_are_listed_and_read_as_they_are()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var put = await s3.PutAllAsync(bucket, OddKeys.Select(key => (key, (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(key))));
        using var origin = Open(s3, bucket);

        var listed = await origin.ListAllAsync("d/");

        Assert.Equal(OddKeys.Order(StringComparer.Ordinal), listed.Select(o => o.Key).Order(StringComparer.Ordinal));
        foreach (var found in listed)
        {
            Assert.Equal(put[found.Key], found);
            Assert.Equal(found.Key, Encoding.UTF8.GetString(await origin.ReadAllAsync(found)));
        }
    }

    [Fact]
    public async Task An_odd_prefix_is_listed()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        await s3.PutAsync(bucket, "a b+%20#ü/x", default);
        using var origin = Open(s3, bucket);
        Assert.Equal("a b+%20#ü/x", Assert.Single(await origin.ListAllAsync("a b+%20#ü/")).Key);
    }

    [Theory]
    [InlineData(0, 1_000_000)]
    [InlineData(0, 1)]
    [InlineData(999_999, 1)]
    [InlineData(1, 999_998)]
    public async Task Any_range_is_read(long offset, long length)
    {
        var s3 = await S3Server.GetAsync();
        var content = new byte[1_000_000];
        new Random(1).NextBytes(content);
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", content);
        using var origin = Open(s3, bucket);
        Assert.Equal(content[(int)offset..(int)(offset + length)], await origin.ReadAllAsync(target, offset, length));
    }

    [Fact]
    public async Task An_empty_object_is_read()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "empty", default);
        using var origin = Open(s3, bucket);
        Assert.Empty(await origin.ReadAllAsync(target));
    }

    [Theory]
    [InlineData(0, 10)]
    [InlineData(2, 3)]
    public async Task An_object_that_was_replaced_has_changed(long offset, long length)
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", "0123456789"u8.ToArray());
        await s3.PutAsync(bucket, "o", "9876543210"u8.ToArray());
        using var origin = Open(s3, bucket);

        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(target, offset, length));

        Assert.Equal(OriginFailure.Changed, error.Failure);
        Assert.Equal(412, error.HttpStatus);
        Assert.Equal(ErrorCode.SourceChanged, error.Code);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task A_missing_object_is_not_found_and_the_error_names_it_and_the_request()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        using var origin = Open(s3, bucket);

        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(new OriginObject("a/none", 3, "e")));

        Assert.Equal(OriginFailure.NotFound, error.Failure);
        Assert.Equal((404, "a/none"), (error.HttpStatus, error.ObjectKey));
        Assert.NotNull(error.RequestId);
        Assert.Contains($"s3://{bucket}/a/none", error.Message, StringComparison.Ordinal);
        Assert.Contains("NoSuchKey", error.Message, StringComparison.Ordinal);
        Assert.Contains(error.RequestId, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_bucket_is_not_found_and_named()
    {
        var s3 = await S3Server.GetAsync();
        using var origin = Open(s3, "no-such-bucket-here");

        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ListAllAsync());

        Assert.Equal(OriginFailure.NotFound, error.Failure);
        Assert.Equal(404, error.HttpStatus);
        Assert.NotNull(error.RequestId);
        Assert.Contains("NoSuchBucket", error.Message, StringComparison.Ordinal);
        Assert.Contains("no-such-bucket-here", error.Advice!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "origin.secretKey")]
    [InlineData(false, "origin.accessKey")]
    public async Task Refused_credentials_are_access_denied_with_advice(bool keyIsKnown, string adviceNames)
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", "x"u8.ToArray());
        using var origin = new S3Origin(bucket, s3.Options() with
        {
            Credentials = new OriginCredentials(keyIsKnown ? s3.AccessKey : "UNKNOWNKEY", "canary-wrong-secret"),
        }, TimeProvider.System);

        foreach (var attempt in new Func<Task>[] { () => origin.ListAllAsync(), () => origin.ReadAllAsync(target) })
        {
            var error = await Assert.ThrowsAsync<OriginException>(attempt);
            Assert.Equal(OriginFailure.AccessDenied, error.Failure);
            Assert.Equal(403, error.HttpStatus);
            Assert.Contains(adviceNames, error.Advice!, StringComparison.Ordinal);
            NoSecret.In(error, "canary-wrong-secret");
        }
    }

    [Fact]
    public async Task Anonymous_requests_are_unsigned()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", "x"u8.ToArray());
        using var origin = new S3Origin(bucket, s3.Options() with { Anonymous = true }, TimeProvider.System);

        foreach (var attempt in new Func<Task>[] { () => origin.ListAllAsync(), () => origin.ReadAllAsync(target) })
        {
            var error = await Assert.ThrowsAsync<OriginException>(attempt);
            Assert.Equal(OriginFailure.AccessDenied, error.Failure);
            Assert.Contains("not public", error.Advice!, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_clock_that_is_hours_off_is_named_in_the_advice()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", "x"u8.ToArray());
        // Behind by more than the life of a presigned URL.
        using var origin = new S3Origin(bucket, s3.Options(), new ShiftedTime(TimeSpan.FromHours(-3)));

        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(target));

        Assert.Equal(OriginFailure.AccessDenied, error.Failure);
        Assert.Contains("clock", error.Advice!, StringComparison.Ordinal);
        Assert.Contains("180 minutes behind", error.Advice!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_read_that_is_cancelled_ends()
    {
        var s3 = await S3Server.GetAsync();
        var bucket = await s3.CreateBucketAsync();
        var target = await s3.PutAsync(bucket, "o", new byte[100]);
        using var origin = Open(s3, bucket);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await origin.OpenReadAsync(target, 0, 100, new CancellationToken(canceled: true)));
    }

    private static S3Origin Open(S3Server s3, string bucket) => new(bucket, s3.Options(), TimeProvider.System);

    private sealed class ShiftedTime(TimeSpan shift) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + shift;
    }
}
