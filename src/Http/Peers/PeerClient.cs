using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using DatasetCache.Coordination;
using DatasetCache.Transfers.Peers;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace DatasetCache.Http.Peers;

/// <summary>Reads from other nodes' <see cref="PeerServer"/>s, over connections that it keeps for a while.</summary>
internal sealed partial class PeerClient : IPeerReader, IDisposable
{
    // Further apart than this it is no clock that drifted, and a signature for then is not given away.
    private static readonly TimeSpan FarthestClock = TimeSpan.FromHours(25);
    private readonly PeerClientOptions options;
    private readonly PeerSecret secret;
    private readonly string node;
    private readonly TransferCaps caps;
    private readonly TimeProvider time;
    private readonly ILogger log;
    private readonly Deadlines deadlines;
    private readonly PeerPaces paces;
    private readonly PeerLinks links;
    private readonly ConcurrentDictionary<string, TimeSpan> clocks = new(StringComparer.Ordinal);

    /// <param name="node">This node's id.</param>
    public PeerClient(PeerClientOptions options, PeerSecret secret, string node, TransferCaps caps, TimeProvider? time = null, ILogger? log = null)
    {
        options.Validate();
        this.options = options;
        this.secret = secret;
        this.node = node;
        this.caps = caps;
        this.time = time ?? TimeProvider.System;
        this.log = log ?? NullLogger.Instance;
        deadlines = new Deadlines(this.time);
        paces = new PeerPaces(options, this.time);
        links = new PeerLinks(options);
    }

    public async Task<byte[]> ReadManifestAsync(Peer peer, string digest, CancellationToken cancellationToken)
    {
        var sink = new GrowingSink();
        await ReadAsync(peer, new PeerRoute(PeerRouteKind.Manifest, digest), answer => answer.Length <= options.MaxManifestBytes ? null : "is too large to be a manifest", sink, cancellationToken);
        var bytes = sink.ToArray();
        if (!string.Equals(Convert.ToHexStringLower(SHA256.HashData(bytes)), digest, StringComparison.Ordinal))
            throw new PeerException(PieceFailure.WrongBytes, $"Node {peer.Node} ({peer.Endpoint}) sent another manifest than {digest}.");
        return bytes;
    }

    public async Task<PieceSet> ReadHeldAsync(Peer peer, string plan, int pieces, CancellationToken cancellationToken)
    {
        var words = new ulong[(pieces + 63) / 64];
        var sink = new GrowingSink();
        await ReadAsync(peer, new PeerRoute(PeerRouteKind.Held, plan), answer => answer.Pieces == pieces && answer.Length == words.Length * sizeof(ulong) ? null : "is of another plan", sink, cancellationToken);
        var bytes = sink.ToArray();
        for (var i = 0; i < words.Length; i++)
            words[i] = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(i * sizeof(ulong)));
        return new PieceSet(pieces, words);
    }

    public Task ReadPiecesAsync(Peer peer, PieceRequest request, IPieceSink sink, CancellationToken cancellationToken) => ReadAsync(peer,
        new PeerRoute(PeerRouteKind.Pieces, request.Plan, request.First, request.Count, request.Parts),
        answer => answer.Length == request.Length ? null : $"has {answer.Length} bytes instead of {request.Length}", sink, cancellationToken);

    public void Dispose()
    {
        links.Dispose();
        deadlines.Dispose();
    }

    /// <param name="mistake">What is wrong with an answer of 200, in words; null where nothing is.</param>
    private async Task ReadAsync(Peer peer, PeerRoute route, Func<AnswerHead, string?> mistake, IPieceSink sink, CancellationToken cancellationToken)
    {
        await caps.Downloads.EnterAsync(cancellationToken);
        PeerLink? link = null;
        try
        {
            (link, var answer) = await AskAsync(peer, route.ToString(), cancellationToken);
            if (answer.Status != 200)
            {
                links.Return(peer, link, answer);
                link = null;
                throw Failure(peer, answer);
            }
            if (mistake(answer) is { } words)
                throw new PeerException(PieceFailure.WrongBytes, $"The answer of node {peer.Node} ({peer.Endpoint}) to {route} {words}.");
            if (answer.Checksums.Count > 0)
                sink.Promise(answer.Checksums);
            await link.ReadAsync(answer.Length, sink, caps, paces.Watch(peer.Endpoint), time, cancellationToken);
            links.Return(peer, link, answer with { Length = 0 });
            link = null;
        }
        finally
        {
            link?.Dispose();
            caps.Downloads.Leave();
        }
    }

    private async Task<(PeerLink Link, AnswerHead Answer)> AskAsync(Peer peer, string target, CancellationToken cancellationToken)
    {
        for (var hasAdjusted = false; ;)
        {
            var link = links.Take(peer) ?? await PeerLink.ConnectAsync(peer, options, deadlines, cancellationToken);
            var wasUsed = link.IsUsed;
            try
            {
                var now = time.GetUtcNow() + clocks.GetValueOrDefault(peer.Endpoint);
                var answer = await link.AskAsync(target, PeerCredential.Sign(secret, node, peer.Endpoint, target, now + PeerCredential.Life), cancellationToken);
                if (answer.Status != 401 || hasAdjusted || !TryAdjust(peer, answer))
                    return (link, answer);
                hasAdjusted = true;
                links.Return(peer, link, answer);
            }
            catch (PeerException) when (wasUsed && link.EndedAtRest)
            {
                // It was closed while it rested: once more, over another.
                link.Dispose();
            }
            catch
            {
                link.Dispose();
                throw;
            }
        }
    }

    // Safe, because a signature is good for one path of one node, and the node goes by its own clock.
    private bool TryAdjust(Peer peer, AnswerHead answer)
    {
        if (answer.Refusal?.Contains("\"clock\"", StringComparison.Ordinal) != true || answer.Date is not { } theirs)
            return false;
        var apart = theirs - time.GetUtcNow();
        if (apart.Duration() > FarthestClock)
            return false;
        clocks[peer.Endpoint] = apart;
        ClocksApart(log, peer.Node, peer.Endpoint, apart.TotalSeconds);
        return true;
    }

    private PeerException Failure(Peer peer, AnswerHead answer)
    {
        var name = $"Node {peer.Node} ({peer.Endpoint})";
        return answer.Status switch
        {
            404 => new PeerException(PieceFailure.NotHeld, $"{name} does not have it."),
            401 => new PeerException(PieceFailure.Unreachable, name + (answer.Refusal switch
            {
                "DatasetCache error=\"clock\"" => $" refuses the credential as expired: its clock says {answer.Date:u}, this host's {time.GetUtcNow():u}. Set the clocks (NTP).",
                "DatasetCache error=\"host\"" => " refuses the credential: it knows itself by another name than the one it is reached by. Set cluster.advertise there.",
                _ => " refuses the credential: give all nodes the same cluster secret.",
            })),
            503 => new PeerException(PieceFailure.Unreachable, $"{name} is busy, or its disk fails."),
            _ => new PeerException(PieceFailure.WrongBytes, $"{name} answered {answer.Status}."),
        };
    }

    [LoggerMessage(3121, LogLevel.Warning, "The clock of node {Node} ({Endpoint}) is {Seconds:0} s ahead of this host's (negative: behind): requests to it are signed by its own")]
    private static partial void ClocksApart(ILogger log, string node, string endpoint, double seconds);
}
