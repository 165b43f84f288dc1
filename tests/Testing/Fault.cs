namespace DatasetCache.Testing;

/// <summary>What a <see cref="FaultProxy"/> does to a request.</summary>
public sealed record Fault
{
    /// <summary>Answer this status instead of asking the server, in S3's manner.</summary>
    public int? Status { get; init; }

    /// <summary>The error's <c>Code</c> beside <see cref="Status"/>.</summary>
    public string Code { get; init; } = "InjectedFault";

    /// <summary>The error's <c>Message</c> beside <see cref="Status"/>.</summary>
    public string Message { get; init; } = "Injected by a test.";

    /// <summary>Header lines to add to the answer or to replace.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    /// <summary>Never answer.</summary>
    public bool Hang { get; init; }

    /// <summary>Break the connection before any answer.</summary>
    public bool Reset { get; init; }

    /// <summary>Break the connection after so many bytes of the body, all of which arrive (unless <see cref="WithoutLength"/>).</summary>
    public long? BreakAfter { get; init; }

    /// <summary>Go silent after so many bytes of the body.</summary>
    public long? StallAfter { get; init; }

    /// <summary>End the body in good order after so many bytes; wants <see cref="WithoutLength"/>.</summary>
    public long? EndAfter { get; init; }

    /// <summary>Append so many zero bytes to the body; wants <see cref="WithoutLength"/>.</summary>
    public int AppendBytes { get; init; }

    /// <summary>Send so many zero bytes in front of the body; wants <see cref="WithoutLength"/>.</summary>
    public int PrependBytes { get; init; }

    /// <summary>Send the body in chunks, without a Content-Length.</summary>
    public bool WithoutLength { get; init; }

    /// <summary>Ask the server for the whole object, whatever the range.</summary>
    public bool IgnoreRange { get; init; }

    /// <summary>Flip a bit of the body's byte at this offset.</summary>
    public long? FlipBitAt { get; init; }

    /// <summary>Send no faster than this.</summary>
    public int? BytesPerSecond { get; init; }

    public static Fault Answer(int status, string code = "InjectedFault", TimeSpan? retryAfter = null) => new()
    {
        Status = status,
        Code = code,
        Headers = retryAfter is { } after
            ? new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { ["Retry-After"] = $"{(int)after.TotalSeconds}" }
            : [],
    };

    public static Fault WithHeader(string name, string value) =>
        new() { Headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase) { [name] = value } };
}

/// <summary>When a fault strikes, and how often it did.</summary>
public sealed class FaultRule
{
    private readonly TaskCompletionSource fired = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int seen;
    private int fires;

    public required Fault Fault { get; init; }

    /// <summary>Which requests count. Default: every GET of an object.</summary>
    public Func<ProxyRequest, bool> Matches { get; init; } = request => request.IsObjectRead;

    /// <summary>The first request that it strikes, counted from 1 among those that match.</summary>
    public int FromNth { get; init; } = 1;

    /// <summary>How many requests it strikes.</summary>
    public int Times { get; init; } = 1;

    /// <summary>How many requests it has struck. A test whose fault never fired proves nothing.</summary>
    public int Fires => Volatile.Read(ref fires);

    /// <summary>Completes when it has struck for the first time.</summary>
    public Task Fired => fired.Task;

    internal bool Strikes(ProxyRequest request)
    {
        if (!Matches(request))
            return false;
        var nth = Interlocked.Increment(ref seen);
        if (nth < FromNth || nth - FromNth >= Times)
            return false;
        Interlocked.Increment(ref fires);
        fired.TrySetResult();
        return true;
    }
}

/// <summary>A request as a rule sees it. <paramref name="Key"/> is empty for the bucket itself; <paramref name="Nth"/> counts from 1 over all requests.</summary>
public sealed record ProxyRequest(string Method, string Bucket, string Key, string Query, string? Range, int Nth)
{
    /// <summary>By which the request is signed; empty where it is not.</summary>
    public string AccessKey { get; init; } = "";

    public bool IsObjectRead => Method == "GET" && Key.Length > 0;

    public bool IsListing => Method == "GET" && Key.Length == 0;
}
