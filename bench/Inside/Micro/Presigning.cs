using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using BenchmarkDotNet.Attributes;
using DatasetCache.Origins;

namespace DatasetCache.Bench.Micro;

/// <summary>One presigned GET: ours, and the AWS SDK's.</summary>
[MemoryDiagnoser]
public class Presigning : IDisposable
{
    private const string Key = "datasets/cats/images/img_000001.jpg";
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
    private readonly S3Presigner presigner = new(new Uri("http://127.0.0.1:8000/bench/"), "auto");
    private readonly OriginCredentials credentials = new("TESTKEY", "TESTSECRET", SessionToken: null);
    private readonly AmazonS3Client client = new(new BasicAWSCredentials("TESTKEY", "TESTSECRET"),
        new AmazonS3Config { ServiceURL = "http://127.0.0.1:8000", ForcePathStyle = true, AuthenticationRegion = "auto" });

    [Benchmark(Baseline = true)]
    public Uri Ours() => presigner.Presign(credentials, Key, Now);

    [Benchmark]
    public string Sdk() => client.GetPreSignedURL(new GetPreSignedUrlRequest { BucketName = "bench", Key = Key, Expires = Now.UtcDateTime.AddHours(1) });

    public void Dispose() => client.Dispose();
}
