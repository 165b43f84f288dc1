using System.Net;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

/// <summary>What a server, or something in front of it, should not answer. A real server behind a proxy that strikes.</summary>
public sealed class S3AnswerTests : IAsyncLifetime
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 100_000).Select(i => (byte)(i * 7))];
    private S3Server s3 = null!;
    private FaultProxy proxy = null!;
    private S3Origin origin = null!;
    private OriginObject target = null!;

    public async ValueTask InitializeAsync()
    {
        s3 = await S3Server.GetAsync();
        proxy = await FaultProxy.StartAsync(s3.Endpoint);
        var bucket = await s3.CreateBucketAsync();
        target = await s3.PutAsync(bucket, "dir/o", Content);
        origin = new S3Origin(bucket, s3.Options(proxy.Endpoint), TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        origin.Dispose();
        await proxy.DisposeAsync();
    }

    [Fact]
    public async Task Through_the_proxy_everything_is_as_it_is_without_it()
    {
        Assert.Equal(target, Assert.Single(await origin.ListAllAsync("dir/")));
        Assert.Equal(Content, await origin.ReadAllAsync(target));
        Assert.Equal(Content[10..20], await origin.ReadAllAsync(target, 10, 10));
        Assert.Equal([(0, 100_000), (10, 20)], proxy.Served.Of("dir/o"));
        Assert.Equal(100_010, proxy.Served.Total);
        Assert.Equal(10, proxy.Served.Repeated);
        Assert.Equal([null, null, "bytes=10-19"], proxy.Requests.Select(request => request.Range));
    }

    [Theory]
    [InlineData(500, "InternalError", OriginFailure.ServerError, true)]
    [InlineData(502, "BadGateway", OriginFailure.ServerError, true)]
    [InlineData(503, "SlowDown", OriginFailure.Throttled, true)]
    [InlineData(429, "TooManyRequests", OriginFailure.Throttled, true)]
    [InlineData(400, "RequestTimeout", OriginFailure.ServerError, true)]
    [InlineData(400, "InvalidRequest", OriginFailure.Rejected, false)]
    [InlineData(405, "MethodNotAllowed", OriginFailure.Rejected, false)]
    [InlineData(403, "AccessDenied", OriginFailure.AccessDenied, false)]
    [InlineData(400, "ExpiredToken", OriginFailure.AccessDenied, false)]
    [InlineData(404, "NoSuchKey", OriginFailure.NotFound, false)]
    [InlineData(412, "PreconditionFailed", OriginFailure.Changed, false)]
    [InlineData(416, "InvalidRange", OriginFailure.Changed, false)]
    public async Task A_refusal_is_told_with_status_code_message_and_request(int status, string code, OriginFailure failure, bool isTransient)
    {
        var rule = proxy.Add(Fault.Answer(status, code, TimeSpan.FromSeconds(7)));

        var error = await Fails();

        Assert.Equal(1, rule.Fires);
        Assert.Equal((failure, isTransient), (error.Failure, error.IsTransient));
        Assert.Equal((status, "fault-1", "dir/o"), (error.HttpStatus, error.RequestId, error.ObjectKey));
        Assert.Equal(TimeSpan.FromSeconds(7), error.RetryAfter);
        Assert.Contains($"HTTP {status} {code}: Injected by a test.", error.Message, StringComparison.Ordinal);
        Assert.Contains("fault-1", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(301, "PermanentRedirect")]
    [InlineData(307, "TemporaryRedirect")]
    [InlineData(400, "AuthorizationHeaderMalformed")]
    public async Task A_wrong_region_is_said_with_the_right_one(int status, string code)
    {
        proxy.Add(Fault.Answer(status, code) with
        {
            Headers = new Dictionary<string, string> { ["Location"] = proxy.Endpoint + "/elsewhere", ["x-amz-bucket-region"] = "eu-west-7" },
        });
        var error = await Fails();
        Assert.Equal(OriginFailure.Rejected, error.Failure);
        Assert.Contains("eu-west-7", error.Advice!, StringComparison.Ordinal);
        Assert.Contains("origin.region", error.Advice!, StringComparison.Ordinal);
        Assert.Single(proxy.Requests);
    }

    [Fact]
    public async Task A_skewed_clock_is_said_with_the_difference()
    {
        proxy.Add(Fault.Answer(403, "RequestTimeTooSkewed") with
        {
            Headers = new Dictionary<string, string> { ["Date"] = TimeProvider.System.GetUtcNow().AddMinutes(-90).ToString("R") },
        });
        var error = await Fails();
        Assert.Equal(OriginFailure.AccessDenied, error.Failure);
        Assert.Contains("clock: it is 90 minutes ahead", error.Advice!, StringComparison.Ordinal);
    }

    public static TheoryData<string, Fault, OriginFailure> WrongAnswers => new()
    {
        { "whole object for a range", new Fault { IgnoreRange = true }, OriginFailure.Protocol },
        { "another range", Fault.WithHeader("Content-Range", "bytes 0-49/100000"), OriginFailure.Protocol },
        { "another total", Fault.WithHeader("Content-Range", "bytes 100-149/100001"), OriginFailure.Protocol },
        { "no range", Fault.WithHeader("Content-Range", ""), OriginFailure.Protocol },
        { "another ETag", Fault.WithHeader("ETag", "\"other\""), OriginFailure.Changed },
        { "no ETag", Fault.WithHeader("ETag", ""), OriginFailure.Protocol },
        { "reset", new Fault { Reset = true }, OriginFailure.Network },
    };

    [Theory]
    [MemberData(nameof(WrongAnswers))]
    public async Task A_wrong_answer_to_a_range_is_noticed_before_a_byte_is_read(string what, Fault fault, OriginFailure failure)
    {
        var rule = proxy.Add(fault);
        var error = await Assert.ThrowsAsync<OriginException>(async () => await origin.OpenReadAsync(target, 100, 50, CancellationToken.None));
        Assert.True(rule.Fires == 1, what);
        Assert.Equal(failure, error.Failure);
        Assert.Equal("dir/o", error.ObjectKey);
    }

    [Fact]
    public async Task A_range_for_the_whole_object_is_noticed()
    {
        var rule = proxy.Add(new Fault { Status = 206, Headers = new Dictionary<string, string> { ["ETag"] = $"\"{target.ETag}\"" } });
        Assert.Equal(OriginFailure.Protocol, (await Fails()).Failure);
        Assert.Equal(1, rule.Fires);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_body_is_a_network_error_with_the_count()
    {
        var rule = proxy.Add(new Fault { BreakAfter = 30_000 });
        await using var body = await origin.OpenReadAsync(target, 0, target.Size, CancellationToken.None);
        long read = 0;
        var error = await Assert.ThrowsAsync<OriginException>(async () =>
        {
            var buffer = new byte[10_000];
            for (int count; (count = await body.ReadAsync(buffer, CancellationToken.None)) > 0;)
                read += count;
        });
        Assert.Equal(1, rule.Fires);
        Assert.Equal(30_000, read);
        Assert.Equal(OriginFailure.Network, error.Failure);
        Assert.Contains($"after {read} of 100000 bytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(200, error.HttpStatus);
    }

    [Fact]
    public async Task A_body_without_a_length_is_read_and_its_early_end_is_left_to_the_reader()
    {
        proxy.Add(new Fault { WithoutLength = true, EndAfter = 40_000 });
        Assert.Equal(Content[..40_000], await origin.ReadAllAsync(target));
    }

    [Fact]
    public async Task A_server_that_never_answers_can_be_given_up()
    {
        var rule = proxy.Add(new Fault { Hang = true });
        using var patience = new CancellationTokenSource();
        var opening = origin.OpenReadAsync(target, 0, target.Size, patience.Token).AsTask();
        await rule.Fired;
        Assert.False(opening.IsCompleted);
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => opening);
    }

    [Fact]
    public async Task A_listing_is_tried_again_and_its_final_error_carries_the_request()
    {
        var twice = proxy.Add(new FaultRule { Fault = Fault.Answer(503, "SlowDown"), Matches = request => request.IsListing, Times = 2 });
        Assert.Single(await origin.ListAllAsync("dir/"));
        Assert.Equal(2, twice.Fires);

        var always = proxy.Add(new FaultRule { Fault = Fault.Answer(500, "InternalError"), Matches = request => request.IsListing, Times = int.MaxValue });
        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ListAllAsync("dir/"));
        Assert.Equal(3, always.Fires);
        Assert.Equal((OriginFailure.ServerError, 500), (error.Failure, error.HttpStatus));
        Assert.StartsWith("fault-", error.RequestId, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_secret_is_in_any_error_whatever_the_server_says()
    {
        const string Secret = "canary-secret";
        const string Token = "canary-token";
        using var careful = new S3Origin("bucket", s3.Options(proxy.Endpoint) with
        {
            Credentials = new OriginCredentials("canary-key", Secret, Token),
            Attempts = 1,
        }, TimeProvider.System);
        // Says back everything it was told, as some proxies do.
        var echo = $"canary-key {Secret} {Token} http://h/b/o?X-Amz-Credential=canary-key%2F1&X-Amz-Signature=abcdef&x-amz-security-token={Token}";
        Fault[] faults =
        [
            Fault.Answer(403, "SignatureDoesNotMatch") with { Message = echo },
            Fault.Answer(400, echo) with { Message = echo },
            Fault.Answer(301) with { Headers = new Dictionary<string, string> { ["Location"] = "http://h/?" + WebUtility.UrlEncode(echo) } },
            Fault.Answer(301) with { Headers = new Dictionary<string, string> { ["x-amz-bucket-region"] = echo } },
            Fault.Answer(500) with { Message = echo },
            new Fault { Status = 200, Headers = new Dictionary<string, string> { ["ETag"] = echo } },
            new Fault { Status = 206, Headers = new Dictionary<string, string> { ["ETag"] = "\"e\"", ["x-amz-request-id"] = echo } },
            new Fault { Reset = true },
        ];
        foreach (var fault in faults)
        {
            foreach (var (isRead, attempt) in new (bool, Func<Task>)[]
            {
                (true, () => careful.ReadAllAsync(new OriginObject("o", 5, "e"))),
                (false, () => careful.ListAllAsync("p/")),
            })
            {
                if (!isRead && fault.Status is 200 or 206)
                    continue;
                var rule = proxy.Add(new FaultRule { Fault = fault, Matches = _ => true });
                var error = await Assert.ThrowsAsync<OriginException>(attempt);
                Assert.Equal(1, rule.Fires);
                NoSecret.In(error, Secret, Token, "canary-key", "abcdef");
            }
        }
    }

    private Task<OriginException> Fails() => Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(target));
}
