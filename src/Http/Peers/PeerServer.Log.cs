using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Peers;

internal sealed partial class PeerServer
{
    [LoggerMessage(3101, LogLevel.Warning, "No connection from another node could be taken: {Reason}")]
    private static partial void AcceptFailed(ILogger log, string reason);

    [LoggerMessage(3102, LogLevel.Warning, "A node was turned away: {Connections} connections are open already")]
    private static partial void TooMany(ILogger log, int connections);
}

internal sealed partial class PeerConnection
{
    [LoggerMessage(3111, LogLevel.Warning, "Refused a request from {Remote}: its credential is {Fault}")]
    private static partial void Refused(ILogger log, string remote, CredentialFault fault);

    [LoggerMessage(3112, LogLevel.Error, "An answer to {Remote} broke off: {Reason}")]
    private static partial void BrokeOff(ILogger log, string remote, string reason);

    [LoggerMessage(3113, LogLevel.Error, "A request from {Remote} could not be answered")]
    private static partial void Failed(ILogger log, Exception e, string remote);

    [LoggerMessage(3114, LogLevel.Warning, "TLS with {Remote} failed: {Reason}")]
    private static partial void TlsFailed(ILogger log, string remote, string reason);
}
