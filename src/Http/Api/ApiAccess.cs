using System.Net;
using DatasetCache.Hosting.Node;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Api;

/// <summary>
/// Who may use what a node serves on loopback: processes of this host that can read the token file. The Host header is checked as well, for a browser that a foreign page sends
/// here by a name of its own.
/// </summary>
internal sealed partial class ApiAccess(NodeToken token, ILogger logger)
{
    private const string Scheme = "Bearer ";
    private const string Cookie = "dscache-token";

    /// <summary>Answers what may not pass; true for what may.</summary>
    public async ValueTask<bool> AllowAsync(HttpContext context)
    {
        // A name below localhost is no other name: the resolver may be anybody's.
        if (context.Connection.RemoteIpAddress is not { } from || !IPAddress.IsLoopback(from) || context.Connection.LocalIpAddress is not { } at || !IPAddress.IsLoopback(at)
            || context.Request.Host.Host is not ("localhost" or "127.0.0.1" or "[::1]" or "::1"))
        {
            Refused(logger, context.Request.Path, ApiProblem.WrongHost);
            await ApiProblem.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, ApiProblem.WrongHost, "A node's local API is for its own host, by 127.0.0.1, [::1] or localhost.", advice: null);
            return false;
        }
        var presented = context.Request.Headers.Authorization.ToString();
        if (presented.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? token.Matches(presented.AsSpan(Scheme.Length).Trim()) : token.Matches(context.Request.Cookies[Cookie]))
            return true;
        // Pages: once with ?token=… in the address, which is then no longer shown.
        if (HttpMethods.IsGet(context.Request.Method) && token.Matches(context.Request.Query["token"].ToString()))
        {
            context.Response.Cookies.Append(Cookie, context.Request.Query["token"].ToString(), new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/" });
            context.Response.Redirect(context.Request.PathBase + context.Request.Path);
            return false;
        }
        Refused(logger, context.Request.Path, ApiProblem.Unauthorized);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        await ApiProblem.WriteAsync(context, StatusCodes.Status401Unauthorized, ApiProblem.Unauthorized, "The request does not carry this node's token.",
            $"Send 'Authorization: Bearer' with what stands in {token.Path}; it is new at each start of the node.");
        return false;
    }

    [LoggerMessage(20, LogLevel.Warning, "Refused a request for {Path}: {Reason}")]
    private static partial void Refused(ILogger logger, string? path, string reason);
}

/// <summary>Puts <see cref="ApiAccess"/> before everything that an application serves.</summary>
internal static class ApiAccessExtensions
{
    public static IApplicationBuilder UseApiAccess(this IApplicationBuilder app, NodeToken token)
    {
        var access = new ApiAccess(token, app.ApplicationServices.GetRequiredService<ILoggerFactory>().CreateLogger<ApiAccess>());
        return app.Use(next => async context =>
        {
            if (await access.AllowAsync(context))
                await next(context);
        });
    }
}
