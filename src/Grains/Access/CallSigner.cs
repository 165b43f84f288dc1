namespace DatasetCache.Grains;

/// <summary>Signs every call that leaves this silo, Orleans' own as well. What its caller had shown to this silo goes no further.</summary>
internal sealed class CallSigner(GrainAccess access, TimeProvider time) : IOutgoingGrainCallFilter
{
    public async Task Invoke(IOutgoingGrainCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        RequestContext.Set(CallCredential.Key, access.Secret.Sign(context.TargetId, time.GetUtcNow() + CallSecret.Life));
        await context.Invoke();
    }
}
