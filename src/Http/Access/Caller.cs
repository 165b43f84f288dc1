using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Access;

/// <summary>What is known of a request's caller, among its features.</summary>
/// <param name="Credential">Null for nobody that is known.</param>
/// <param name="ByCookie">A browser sent it along, whoever made it send the request.</param>
internal sealed record Caller(Credential? Credential, bool ByCookie)
{
    public Role Role => Credential?.Role ?? Role.Anyone;

    /// <summary>What a body asked for, for the audit log.</summary>
    public string? Detail { get; set; }

    /// <summary>The code of the problem that was answered.</summary>
    public string? Problem { get; set; }
}

/// <summary>A request's <see cref="Caller"/>.</summary>
internal static class CallerExtensions
{
    /// <summary>Null before access was checked.</summary>
    public static Caller? Caller(this HttpContext context) => context.Features.Get<Caller>();

    /// <summary>Has the audit log say what an operator's request asked for where its path does not. Never a secret.</summary>
    public static void NoteForAudit(this HttpContext context, string detail)
    {
        if (context.Caller() is { } caller)
            caller.Detail = detail;
    }
}
