using Microsoft.AspNetCore.Builder;

namespace DatasetCache.Http.Access;

/// <summary>What somebody who uses a node may do; each may do all that the ones before may. Nodes among themselves (the data plane) have a credential of their own.</summary>
internal enum Role
{
    /// <summary>Without any credential: what tells nobody anything, such as the page to log in at or whether the process lives.</summary>
    Anyone,

    /// <summary>See what is there, and acquire what a job uses now.</summary>
    Reader,

    /// <summary>Decide what comes and stays: pin, hold, evict, warm, prefetch, clear, verify, priority, limits.</summary>
    Operator,
}

/// <summary>What a route wants of who calls it. A route that says nothing wants a <see cref="Role.Reader"/>.</summary>
internal sealed record RequiredRole(Role Role);

/// <summary>Says at the place where a route is mapped who may call it: <c>routes.MapDelete(…).RequireRole(Role.Operator)</c>. Holds for groups, too; the innermost counts.</summary>
internal static class RoleExtensions
{
    public static TBuilder RequireRole<TBuilder>(this TBuilder routes, Role role)
        where TBuilder : IEndpointConventionBuilder
        => routes.WithMetadata(new RequiredRole(role));
}
