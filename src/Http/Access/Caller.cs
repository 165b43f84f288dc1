using DatasetCache.Http.Api;
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

    /// <summary>What the body asks for is an operator's, although the route is not: it is audited as such.</summary>
    public bool ActsAsOperator { get; set; }

    /// <summary>Whether he may now what he might when the request came: his token may be gone since, or he has logged out.</summary>
    public Func<bool> StillMay { get; init; } = () => true;
}

/// <summary>A request's <see cref="Caller"/>.</summary>
internal static class CallerExtensions
{
    /// <summary>Null before access was checked.</summary>
    public static Caller? Caller(this HttpContext context) => context.Features.Get<Caller>();

    /// <summary>For what takes long: whether the request would still be let in.</summary>
    public static bool IsStillAllowed(this HttpContext context) => context.Caller()?.StillMay() ?? true;

    /// <summary>Asks for an operator where a route is others' too, and only what the body asks for is not.</summary>
    /// <param name="what">What is an operator's, for people.</param>
    /// <returns>False where it was answered that he is none.</returns>
    public static async ValueTask<bool> AllowOperatorAsync(this HttpContext context, string what)
    {
        var caller = context.Caller();
        if (caller is not null)
            caller.ActsAsOperator = true;
        if (caller?.Role >= Role.Operator)
            return true;
        await ApiProblem.WriteAsync(context, StatusCodes.Status403Forbidden, ApiProblem.Forbidden, $"{what} is for operators, and the token '{caller?.Credential?.Name}' is a reader's.", "Acquire without it, ask an operator, or use an operator's token.");
        return false;
    }

    /// <summary>Has the audit log say what an operator's request asked for where its path does not. Never a secret.</summary>
    public static void NoteForAudit(this HttpContext context, string detail)
    {
        if (context.Caller() is { } caller)
            caller.Detail = detail;
    }
}
