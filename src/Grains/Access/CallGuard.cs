using Microsoft.Extensions.Logging;

namespace DatasetCache.Grains;

/// <summary>
/// Refuses every call that does not show that it comes from a node of the cluster, or from a client of this host who can read the node's token: of this project's grains, of Orleans'
/// own, and of what a silo's parts say to each other. A client may call a node and the cluster's view; coordinators and the management of silos are for nodes.
/// </summary>
internal sealed partial class CallGuard(GrainAccess access, TimeProvider time, ILogger<CallGuard> logger) : IIncomingGrainCallFilter
{
    // A grain's own clock: such a request has no form in which it could have come from elsewhere.
    private const string Timer = "IGrainTimerInvoker";

    // Which grains there are, and on which silos: an Orleans client asks for it before anything else, and cannot say why it does not get on without.
    private const string Manifest = "IClusterManifestSystemTarget";

    private static readonly HashSet<string> ForClients = new(StringComparer.Ordinal)
    {
        nameof(INodeGrain), nameof(IClusterGrain),
        // How a client says that it does not wait any more.
        "IGrainCallCancellationExtension", "ICancellationSourcesExtension", "IGrainCallCancellationManagerSystemTarget",
    };

    private static readonly TimeSpan LogsEvery = TimeSpan.FromSeconds(10);

    private long logged;
    private int unlogged;

    public async Task Invoke(IIncomingGrainCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        // Some come with their namespace, some without.
        var called = context.InterfaceName[(context.InterfaceName.LastIndexOf('.') + 1)..];
        if (called is not Timer and not Manifest && Fault(called, context.TargetId) is { } fault)
        {
            Log(context, fault);
            throw new CallRefusedException($"The call of {called}.{context.MethodName} on {context.TargetId} was refused: {fault}.");
        }
        await context.Invoke();
    }

    private string? Fault(string called, GrainId target)
    {
        if (RequestContext.Get(CallCredential.Key) is not string credential)
            return $"it shows neither the node's token ({access.Token.Path}) nor that it comes from a node of the cluster";
        if (credential.StartsWith(CallCredential.OfNode, StringComparison.Ordinal))
            return access.Secret.Fault(credential, target, time.GetUtcNow());
        if (!credential.StartsWith(CallCredential.OfClient, StringComparison.Ordinal) || !access.Token.Matches(credential.AsSpan(CallCredential.OfClient.Length)))
            return $"it does not show this node's token, which stands in {access.Token.Path} and is new at each start of the node";
        return ForClients.Contains(called) ? null : "a client may call INodeGrain and IClusterGrain; the rest is for nodes";
    }

    // Whoever keeps trying shall not fill the log.
    private void Log(IIncomingGrainCallContext context, string fault)
    {
        var last = Interlocked.Read(ref logged);
        if ((last != 0 && time.GetElapsedTime(last) < LogsEvery) || Interlocked.CompareExchange(ref logged, time.GetTimestamp(), last) != last)
        {
            Interlocked.Increment(ref unlogged);
            return;
        }
        Refused(logger, context.InterfaceName, context.MethodName, context.TargetId, context.SourceId?.ToString() ?? "?", fault, Interlocked.Exchange(ref unlogged, 0));
    }

    [LoggerMessage(121, LogLevel.Warning, "Refused a call of {Interface}.{Method} on {Target} by {Source}: {Fault}; {Others} others since the last such line")]
    private static partial void Refused(ILogger logger, string @interface, string method, GrainId target, string source, string fault, int others);
}
