using DatasetCache.Hosting.Node;
using DatasetCache.Store;

namespace DatasetCache.Cli.Nodes;

/// <summary>
/// Calls to the node of a cache root that outlast its restarts: where it is gone it is looked for again, for up to a minute. Safe for several threads, one call at a time.
/// </summary>
internal sealed class NodeCalls(string root, NodeAddress first, TimeProvider time, Action<string> say) : IDisposable
{
    /// <summary>A node that lives and does not answer.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>A node that is gone: whoever starts it again does so within seconds.</summary>
    private static readonly TimeSpan PatienceWithoutNode = TimeSpan.FromSeconds(10);

    /// <summary>A node that was just started anew has a new token.</summary>
    private static readonly TimeSpan PatienceWithToken = TimeSpan.FromSeconds(2);

    private const string WrongToken = "it refuses the token that its file holds";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim gate = new(1);
    private NodeAddress? address = first;
    private NodeConnection? connection;

    /// <param name="wait">How long the node is asked to wait.</param>
    /// <exception cref="NodeGoneException">The patience is over.</exception>
    public async ValueTask<NodeAnswer> SendAsync(string method, string target, ReadOnlyMemory<byte> body, TimeSpan wait, CancellationToken cancellationToken)
    {
        await gate.WaitAsync(cancellationToken);
        try
        {
            long? lost = null;
            while (true)
            {
                string why;
                try
                {
                    var answer = Connect().Send(method, target, body.Span, wait, cancellationToken);
                    if (answer.Status != 401)
                        return answer;
                    // It has a new token since it was started anew.
                    why = WrongToken;
                    Disconnect();
                }
                catch (NodeLostException e)
                {
                    why = e.Message;
                    Disconnect();
                }
                lost ??= BeginWaiting(why);
                await FindAgainAsync(lost.Value, why, cancellationToken);
            }
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>For what may as well be left undone: the node forgets by itself. Null where it cannot be asked.</summary>
    public NodeAnswer? TrySend(string method, string target)
    {
        if (!gate.Wait(TimeSpan.FromSeconds(1)))
            return null;
        try
        {
            return Connect().Send(method, target, default, TimeSpan.Zero, CancellationToken.None);
        }
        catch (Exception e) when (e is NodeLostException or NodeGoneException)
        {
            Disconnect();
            return null;
        }
        finally
        {
            gate.Release();
        }
    }

    public void Dispose()
    {
        Disconnect();
        gate.Dispose();
    }

    private NodeConnection Connect()
    {
        if (connection is not null)
            return connection;
        if (address?.Url is not { } url)
            throw new NodeLostException("it is just being started");
        try
        {
            return connection = new NodeConnection(NodeConnection.EndPointOf(url), address.TokenFile is null ? "" : NodeToken.Read(address.TokenFile));
        }
        catch (UnauthorizedAccessException)
        {
            throw new NodeGoneException($"this user may not read its token file {address.TokenFile}", isRefused: true);
        }
        catch (IOException e)
        {
            throw new NodeLostException(e.Message, e);
        }
    }

    private void Disconnect()
    {
        connection?.Dispose();
        connection = null;
    }

    private long BeginWaiting(string why)
    {
        if (address?.Url is not null)
            say($"dscache: the node of this host does not answer ({why.TrimEnd('.')}); waiting for it.");
        return time.GetTimestamp();
    }

    private async Task FindAgainAsync(long lost, string why, CancellationToken cancellationToken)
    {
        await Task.Delay(Pause, time, cancellationToken);
        address = NodeLock.Find(root);
        var waited = time.GetElapsedTime(lost);
        if (string.Equals(why, WrongToken, StringComparison.Ordinal) && waited > PatienceWithToken)
            throw new NodeGoneException(why);
        if (waited > (address is null ? PatienceWithoutNode : Patience))
            throw new NodeGoneException(address is null ? "it has ended" : $"it has not answered for a minute ({why.TrimEnd('.')})");
    }
}

/// <summary>The node is not waited for any longer.</summary>
/// <param name="why">In words, to come after a colon.</param>
/// <param name="isRefused">This user may not use it.</param>
internal sealed class NodeGoneException(string why, bool isRefused = false) : Exception(why)
{
    public bool IsRefused => isRefused;
}
