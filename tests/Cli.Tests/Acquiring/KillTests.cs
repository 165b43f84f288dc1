using System.Text.Json;
using DatasetCache.Testing;

namespace DatasetCache.Cli.Tests.Acquiring;

/// <summary>kill -9 at fifty points of a download from a real S3 server: nothing half-written is ready, and little is fetched twice.</summary>
public sealed class KillTests : IDisposable
{
    private const int MiB = 1 << 20;
    private const int Offsets = 50;
    private const int SmallFiles = 64;
    private const int SmallSize = 256 * 1024;
    private const int LargeSize = 40 * MiB;
    private const long Total = (2L * LargeSize) + ((long)SmallFiles * SmallSize);

    // What lay in the sockets' buffers never reached dscache: it was served, and is no progress that could be lost.
    private const int Buffers = 12 * MiB;
    private readonly Dscache dscache = new();

    public void Dispose() => dscache.Dispose();

    [Fault(1)]
    public async Task Killed_at_any_of_fifty_offsets_the_next_get_resumes_and_loses_at_most_32_MiB()
    {
        var fault = new FaultCase(1);
        fault.Guard(dscache.In("theirs"));
        var server = await S3Server.GetAsync();
        var bucket = await server.CreateBucketAsync();
        var contents = Enumerable.Range(0, SmallFiles).ToDictionary(i => $"small/{i}.bin", i => MemoryOrigin.Bytes(i, SmallSize), StringComparer.Ordinal);
        contents["large-1.bin"] = MemoryOrigin.Bytes(1001, LargeSize);
        contents["large-2.bin"] = MemoryOrigin.Bytes(1002, LargeSize);
        await server.PutAllAsync(bucket, contents.Select(item => ("set/" + item.Key, (ReadOnlyMemory<byte>)item.Value)));
        await using var proxy = await FaultProxy.StartAsync(server.Endpoint);
        dscache.Environment["EXTERNAL_STORAGE_ENDPOINT"] = proxy.Endpoint;
        dscache.Environment["EXTERNAL_ACCESS_KEY"] = server.AccessKey;
        dscache.Environment["EXTERNAL_SECRET_KEY"] = server.SecretKey;
        dscache.Environment["DSCACHE_DURABLE"] = "false";

        for (var offset = 1; offset <= Offsets; offset++)
        {
            var root = dscache.In($"cache-{offset}");
            string[] get = ["get", $"s3://{bucket}/set", "--into", dscache.In($"job-{offset}"), "--root", root, "-q", "--json"];
            proxy.Served.Reset();
            var release = new TaskCompletionSource();
            var passed = Total * offset / (Offsets + 1);
            var reached = proxy.Served.When(passed, release.Task);
            using (var victim = dscache.Start(get))
            {
                await reached.WaitAsync(TimeSpan.FromSeconds(60));
                victim.Signal(9);
                Assert.Equal(137, (await victim.WaitAsync()).ExitCode);
                fault.Fired();
            }
            await proxy.IdleAsync().WaitAsync(TimeSpan.FromSeconds(60));
            release.SetResult();
            Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Join(root, "snapshots"))); // I1
            Assert.False(Path.Exists(dscache.In($"job-{offset}/dataset")));

            var second = await fault.HealsAsync(() => dscache.RunAsync(get));
            Assert.Equal((0, ""), (second.ExitCode, second.Error));
            using var report = JsonDocument.Parse(second.Out);
            var again = report.RootElement.GetProperty("bytesFromOrigin").GetInt64();
            Assert.True(again >= Total - passed - MiB, $"offset {offset}: only {again} bytes were fetched again, which cannot be");
            Assert.True(again <= Total - passed + (32 * MiB) + Buffers, $"offset {offset}: {passed} bytes had gone out, and {again} of {Total} were fetched again");
            fault.Worst(Math.Max(0, again - (Total - passed)), "bytes of progress lost, those in sockets included");
            // Of what it held nothing again: what it had lost is all that went out twice.
            fault.ReadOnce(proxy.Served.Repeated, (32 * MiB) + Buffers);
            fault.HandedOut(dscache.In($"job-{offset}/dataset"), contents);
            fault.NoOrphans(root);
            Delete(root);
        }
        fault.End();
    }

    // Fifty roots would be five gigabytes.
    private static void Delete(string root)
    {
        foreach (var folder in Directory.EnumerateDirectories(root, "*", SearchOption.AllDirectories))
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(root, recursive: true);
    }
}
