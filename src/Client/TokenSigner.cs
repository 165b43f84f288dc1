using DatasetCache.Grains;

namespace DatasetCache.Client;

/// <summary>Puts the node's token into every call of this Orleans client.</summary>
internal sealed class TokenSigner : IOutgoingGrainCallFilter
{
    private volatile string? credential;

    public string? Token
    {
        get;
        set
        {
            field = value;
            credential = value is null ? null : CallCredential.Of(value);
        }
    }

    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        // The program may be a grain that calls for somebody else, and bears what that one has shown.
        if (credential is { } known)
            RequestContext.Set(CallCredential.Key, known);
        else
            RequestContext.Remove(CallCredential.Key);
        await context.Invoke();
    }
}
