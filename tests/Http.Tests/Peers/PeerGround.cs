using DatasetCache.Coordination;
using DatasetCache.Http.Peers;
using DatasetCache.Transfers.Peers;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Tests.Peers;

/// <summary>A server with made-up content, and a client of the same cluster.</summary>
internal sealed class PeerGround : IAsyncDisposable
{
    public const string SecretText = "canary-0badc0de-canary-0badc0de-canary";
    private readonly TransferCaps serverCaps;
    private readonly TransferCaps clientCaps;

    public PeerGround(PeerServerOptions? server = null, PeerClientOptions? client = null, TransferLimits? limits = null, TimeProvider? serverTime = null, TimeProvider? clientTime = null, string secret = SecretText)
    {
        serverCaps = new TransferCaps(limits ?? TransferLimits.Default, serverTime ?? TimeProvider.System);
        clientCaps = new TransferCaps(limits ?? TransferLimits.Default, clientTime ?? TimeProvider.System);
        Server = PeerServer.Start(server ?? new PeerServerOptions(), PeerSecret.Of(secret), Content, serverCaps, serverTime, Log);
        Client = new PeerClient(client ?? Patient, PeerSecret.Of(SecretText), "node-b", clientCaps, clientTime, Log);
        Peer = new Peer("node-a", Server.Endpoint);
    }

    /// <summary>For tests that are not about being late, on a machine that may be.</summary>
    public static PeerClientOptions Patient { get; } = new() { ConnectTimeout = TimeSpan.FromSeconds(30), StallTimeout = TimeSpan.FromSeconds(30) };

    public FakeContent Content { get; } = new();

    public PeerServer Server { get; }

    public PeerClient Client { get; }

    public Peer Peer { get; }

    public CollectedLog Log { get; } = new();

    public TransferCaps ServerCaps => serverCaps;

    public async Task<byte[]> ReadAsync(int first, int count, long length, int[]? parts = null, Peer? from = null)
    {
        var sink = new MemorySink();
        await Client.ReadPiecesAsync(from ?? Peer, new PieceRequest(FakeContent.Plan, first, count, length, parts), sink, TestContext.Current.CancellationToken);
        return sink.Bytes.ToArray();
    }

    /// <summary>Waits until the server has so many connections.</summary>
    public async Task ConnectionsAsync(int count)
    {
        while (Server.Connections != count)
            await Task.Delay(10, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.DisposeAsync();
        serverCaps.Dispose();
        clientCaps.Dispose();
        Content.Dispose();
    }
}

internal sealed class MemorySink : IPieceSink
{
    private readonly byte[] room = new byte[10_000];

    public MemoryStream Bytes { get; } = new();

    public IReadOnlyList<uint> Promised { get; private set; } = [];

    public void Promise(IReadOnlyList<uint> checksums) => Promised = checksums;

    public Memory<byte> Next() => room;

    private long accepted;

    public long Count => Interlocked.Read(ref accepted);

    public void Accept(int count)
    {
        Bytes.Write(room, 0, count);
        Interlocked.Add(ref accepted, count);
    }
}

internal sealed class CollectedLog : ILogger
{
    private readonly Lock gate = new();
    private readonly List<string> lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (gate)
                return [.. lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (gate)
            lines.Add($"{eventId.Id} {formatter(state, exception)} {exception}");
    }
}
