using System.Buffers;
using System.Text.Json;
using DatasetCache.Datasets;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Cli.Nodes;

/// <summary>The documents of a node's HTTP API, field by field: see <see cref="Store.SmallJson"/> for why no serializer does it.</summary>
internal static class NodeDocuments
{
    public static byte[] Acquire(AcquireRequest request, string? defaultOrigin, string? endpoint, string ticket, TimeSpan wait) => Write(json =>
    {
        var dataset = request.Dataset;
        json.WriteStartObject("dataset");
        Text(json, "origin", dataset.Origin ?? defaultOrigin);
        Text(json, "snapshotId", dataset.SnapshotId);
        Text(json, "datasetId", dataset.DatasetId);
        Text(json, "versionHash", dataset.VersionHash);
        json.WriteString("select", dataset.Selection.Mode switch { SelectionMode.Annotated => "annotated", SelectionMode.All => "all", _ => "auto" });
        List(json, "include", dataset.Selection.Include);
        List(json, "exclude", dataset.Selection.Exclude);
        json.WriteEndObject();
        json.WriteString("ticket", ticket);
        json.WriteBoolean("allowMissing", request.AllowMissing);
        json.WriteBoolean("refresh", request.Refresh);
        json.WriteBoolean("prefetch", request.IsPrefetch);
        if (request.Hold is { } hold)
            json.WriteNumber("hold", hold.TotalSeconds);
        Text(json, "jobId", request.JobId);
        json.WriteNumber("wait", wait.TotalSeconds);
        Text(json, "endpoint", endpoint);
    });

    public static byte[] Link(NodeLink link) => Write(json =>
    {
        json.WriteString("link", link.Link);
        json.WriteString("mode", link.Mode switch { LinkMode.Tree => "tree", LinkMode.Copy => "copy", _ => "symlink" });
        json.WriteString("lease", link.Lease);
        Text(json, "jobId", link.JobId);
    });

    /// <exception cref="NodeLostException">The answer is not of the form that is read.</exception>
    public static T Read<T>(NodeAnswer answer, Func<JsonElement, T> fields)
    {
        try
        {
            using var document = JsonDocument.Parse(answer.Body);
            return fields(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException or ArgumentException)
        {
            throw new NodeLostException($"Its answer is not understood (HTTP {answer.Status}): {e.Message}", e);
        }
    }

    public static (bool IsDone, AcquireProgress? Progress, NodeDataset? Dataset) Work(JsonElement json) => (
        json.GetProperty("state").GetString() is "done",
        json.GetProperty("progress") is { ValueKind: JsonValueKind.Object } progress ? Progress(progress) : null,
        json.GetProperty("dataset") is { ValueKind: JsonValueKind.Object } dataset ? Dataset(dataset) : null);

    /// <summary>A problem's code, and the same as an exception.</summary>
    public static (string Code, NodeException Exception) Problem(JsonElement json)
    {
        var name = json.GetProperty("code").GetString() ?? "";
        var code = Enum.TryParse<ErrorCode>(name, ignoreCase: true, out var known) ? known : ErrorCode.Internal;
        return (name, new NodeException(code, json.GetProperty("message").GetString() ?? name, json.GetProperty("advice").GetString(), json.GetProperty("isTransient").GetBoolean()));
    }

    public static NodeLease Lease(JsonElement json) => new(json.GetProperty("id").GetString()!, json.GetProperty("cacheKey").GetString()!, TimeSpan.FromSeconds(json.GetProperty("ttlSeconds").GetDouble()));

    private static NodeDataset Dataset(JsonElement json) => new()
    {
        Lease = json.GetProperty("lease") is { ValueKind: JsonValueKind.Object } lease ? Lease(lease) : null,
        CacheKey = json.GetProperty("cacheKey").GetString()!,
        SnapshotPath = json.GetProperty("snapshotPath").GetString()!,
        Outcome = json.GetProperty("outcome").GetString() is "hit" ? AcquireOutcome.Hit : AcquireOutcome.Miss,
        Files = json.GetProperty("files").GetInt64(),
        Bytes = json.GetProperty("bytes").GetInt64(),
        FilesFromOrigin = json.GetProperty("filesFromOrigin").GetInt64(),
        BytesFromOrigin = json.GetProperty("bytesFromOrigin").GetInt64(),
        ReusedBytes = json.GetProperty("reusedBytes").GetInt64(),
        SharedBytes = json.GetProperty("sharedBytes").GetInt64(),
        BytesFromPeers = json.GetProperty("bytesFromPeers").GetInt64(),
        Changes = json.GetProperty("changes") is { ValueKind: JsonValueKind.Object } changes
            ? new VersionChanges(changes.GetProperty("added").GetInt32(), changes.GetProperty("changed").GetInt32(), changes.GetProperty("removed").GetInt32())
            : null,
        StaleSince = json.GetProperty("staleSince") is { ValueKind: JsonValueKind.String } since ? since.GetDateTimeOffset() : null,
        Elapsed = TimeSpan.FromSeconds(json.GetProperty("seconds").GetDouble()),
    };

    private static AcquireProgress Progress(JsonElement json) => new(
        Enum.TryParse<AcquirePhase>(json.GetProperty("phase").GetString(), ignoreCase: true, out var phase) ? phase : AcquirePhase.Downloading,
        json.GetProperty("cacheKey").GetString()!, json.GetProperty("filesDone").GetInt64(), json.GetProperty("filesTotal").GetInt64(), json.GetProperty("bytesDone").GetInt64(),
        json.GetProperty("bytesTotal").GetInt64(), json.GetProperty("bytesFromOrigin").GetInt64());

    private static byte[] Write(Action<Utf8JsonWriter> fields)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            fields(json);
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void Text(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null)
            json.WriteString(name, value);
    }

    private static void List(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }
}
