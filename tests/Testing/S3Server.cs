using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using DatasetCache.Origins;

namespace DatasetCache.Testing;

/// <summary>
/// A real S3 server. <c>DSCACHE_TEST_S3</c> ("endpoint key secret") names one that runs; otherwise <c>tests/servers/s3</c> starts one for this
/// process, once.
/// </summary>
public sealed class S3Server
{
    private readonly AmazonS3Client client;

    private S3Server(string endpoint, string accessKey, string secretKey)
    {
        (Endpoint, AccessKey, SecretKey) = (endpoint, accessKey, secretKey);
        client = Client(endpoint);
    }

    /// <summary>For example <c>http://127.0.0.1:8000</c>.</summary>
    public string Endpoint { get; }

    public string AccessKey { get; }

    public string SecretKey { get; }

    /// <summary>The server of this process.</summary>
    public static Task<S3Server> GetAsync() => Shared.Server;

    /// <summary>Options that reach this server, or what stands in front of it.</summary>
    public OriginOptions Options(string? endpoint = null) => new()
    {
        Endpoint = endpoint ?? Endpoint,
        Credentials = new OriginCredentials(AccessKey, SecretKey),
        Attempts = 3,
    };

    /// <summary>A new bucket with a name of its own.</summary>
    public async Task<string> CreateBucketAsync(string name = "test")
    {
        var bucket = $"{name}-{Guid.NewGuid():n}"[..Math.Min(60, name.Length + 33)];
        await client.PutBucketAsync(bucket);
        return bucket;
    }

    /// <returns>The object as a listing shows it.</returns>
    public async Task<OriginObject> PutAsync(string bucket, string key, ReadOnlyMemory<byte> content)
    {
        using var body = new MemoryStream(content.ToArray(), writable: false);
        var answer = await client.PutObjectAsync(new PutObjectRequest
        {
            BucketName = bucket,
            Key = key,
            InputStream = body,
            UseChunkEncoding = false,
        });
        return new OriginObject(key, content.Length, answer.ETag.Trim('"'));
    }

    /// <summary>Puts many objects, several at once.</summary>
    /// <returns>The objects by key, as a listing shows them.</returns>
    public async Task<IReadOnlyDictionary<string, OriginObject>> PutAllAsync(string bucket, IEnumerable<(string Key, ReadOnlyMemory<byte> Content)> objects)
    {
        var put = new ConcurrentDictionary<string, OriginObject>(StringComparer.Ordinal);
        await Parallel.ForEachAsync(objects, new ParallelOptions { MaxDegreeOfParallelism = 16 },
            async (item, _) => put[item.Key] = await PutAsync(bucket, item.Key, item.Content));
        return put;
    }

    /// <summary>Puts every file below a folder, its path as the key behind <paramref name="prefix"/>.</summary>
    public Task<IReadOnlyDictionary<string, OriginObject>> PutFolderAsync(string bucket, string folder, string prefix) =>
        PutAllAsync(bucket, Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => (prefix + Path.GetRelativePath(folder, path).Replace('\\', '/'), (ReadOnlyMemory<byte>)File.ReadAllBytes(path))));

    public async Task DeleteAsync(string bucket, string key) => await client.DeleteObjectAsync(bucket, key);

    private AmazonS3Client Client(string endpoint) => new(new BasicAWSCredentials(AccessKey, SecretKey), new AmazonS3Config
    {
        ServiceURL = endpoint,
        ForcePathStyle = true,
        AuthenticationRegion = "auto",
        RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
        ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        MaxConnectionsPerServer = 32,
    });

    private static async Task<S3Server> StartAsync()
    {
        if (Environment.GetEnvironmentVariable("DSCACHE_TEST_S3") is not { Length: > 0 } running)
            running = await StartScriptAsync();
        var parts = running.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return parts.Length == 3
            ? new S3Server(parts[0], parts[1], parts[2])
            : throw new InvalidOperationException($"DSCACHE_TEST_S3 is 'endpoint key secret', not '{running}'.");
    }

    private static async Task<string> StartScriptAsync()
    {
        var folder = Directory.CreateTempSubdirectory("dscache-s3-").FullName;
        var start = new ProcessStartInfo(Repository.File("tests/servers/s3"), ["start", folder, FreePorts().ToString(System.Globalization.CultureInfo.InvariantCulture)])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        // Also when this process is killed.
        start.Environment["DSCACHE_S3_OWNER"] = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop(folder);
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output.Trim() : throw new InvalidOperationException("tests/servers/s3 failed:\n" + await error);
    }

    private static void Stop(string folder)
    {
        using (var stop = Process.Start(Repository.File("tests/servers/s3"), ["stop", folder]))
            stop.WaitForExit();
        Directory.Delete(folder, recursive: true);
    }

    // The server wants a row of ports, below those that the kernel gives out.
    private static int FreePorts()
    {
        while (true)
        {
            var first = Random.Shared.Next(12_000, 30_000);
            if (Enumerable.Range(first, 21).All(IsFree))
                return first;
        }

        static bool IsFree(int port)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }
    }

    // Made when it is first asked for, once.
    private static class Shared
    {
        public static readonly Task<S3Server> Server = StartAsync();
    }
}
