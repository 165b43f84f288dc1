using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text;
using DatasetCache.Datasets;
using DatasetCache.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Cli.Tests.Nodes.Metrics;

/// <summary>Metrics and traces as a collector gets them, and the traces themselves.</summary>
public sealed class OtlpTests
{
    [Fact(Timeout = 60_000)]
    public async Task A_collector_gets_metrics_and_traces_where_an_endpoint_is_set()
    {
        using var folder = new TempFolder();
        var origin = new MemoryOrigin();
        origin.Put("s3://bucket/photos/a.txt", "alpha");
        var got = new ConcurrentDictionary<string, string>(StringComparer.Ordinal);
        await using var collector = await CollectAsync((path, body) => got[path] = Encoding.Latin1.GetString(body));
        var node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin, configuration: new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Urls.Single(),
            ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf",
        });
        await (await node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_otlp" } })).DisposeAsync();
        // What is not sent yet is sent when the node ends.
        await node.DisposeAsync();

        Assert.Contains("dataset_cache_miss_total", got["/v1/metrics"]);
        Assert.Contains("test-node", got["/v1/metrics"]);
        Assert.Contains("dataset.acquire", got["/v1/traces"]);
        Assert.Contains("piece.origin", got["/v1/traces"]);
    }

    [Fact]
    public async Task A_trace_leads_from_the_acquire_over_the_download_to_its_reads()
    {
        using var folder = new TempFolder();
        var origin = new MemoryOrigin();
        origin.Put("s3://bucket/photos/traced-alone.txt", "alpha");
        var ended = new ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "DatasetCache",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = ended.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await using var node = await TestNode.StartAsync(folder["cache"], "/origin", origins: origin);
        await (await node.Cache.AcquireAsync(new AcquireRequest { Dataset = new DatasetRef { Origin = "s3://bucket/photos", SnapshotId = "snap_traced_alone" } })).DisposeAsync();

        var acquire = Assert.Single(ended, activity => activity.OperationName == "dataset.acquire" && "snap_traced_alone".Equals(activity.GetTagItem("dataset.snapshot")));
        var download = Assert.Single(ended, activity => activity.OperationName == "dataset.download" && activity.ParentSpanId == acquire.SpanId);
        var read = Assert.Single(ended, activity => activity.OperationName == "piece.origin" && activity.TraceId == acquire.TraceId);
        Assert.Equal(download.SpanId, read.ParentSpanId);
        Assert.Equal(("miss", 5L), (acquire.GetTagItem("dataset.outcome"), read.GetTagItem("object.length")));
    }

    private static async Task<WebApplication> CollectAsync(Action<string, byte[]> received)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var app = builder.Build();
        app.MapFallback(async context =>
        {
            using var body = new MemoryStream();
            await context.Request.Body.CopyToAsync(body);
            received(context.Request.Path, body.ToArray());
            context.Response.ContentType = "application/x-protobuf";
        });
        await app.StartAsync();
        return app;
    }
}
