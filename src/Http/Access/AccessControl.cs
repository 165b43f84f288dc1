using System.Globalization;
using System.Net;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Api;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Access;

/// <summary>
/// Who may use what a node serves. On loopback: processes of this host that can read the token file; the Host header is checked as well, for a browser that a foreign page
/// sends here by a name of its own. Everywhere: who has a token of <c>api.tokens</c>, or a browser that logged in with either.
/// </summary>
internal sealed partial class AccessControl(NodeToken token, AccessOptions options, TokenFile? tokens, Sessions sessions, WriteLimits limits, AuditLog audit, TimeProvider time, ILogger logger)
{
    private const string Scheme = "Bearer ";

    private static readonly Credential Host = new("node.token", Role.Operator, "node");

    /// <summary>Sees to a request: answers what may not pass, and hands on what may.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var needed = context.GetEndpoint()?.Metadata.GetMetadata<RequiredRole>()?.Role ?? Role.Reader;
        var isWrite = !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method) || HttpMethods.IsOptions(context.Request.Method));
        var inAddress = TakeFromAddress(context);
        SetHeaders(context);
        var caller = Identify(context) with { StillMay = () => Identify(context).Role >= needed };
        context.Features.Set(caller);
        try
        {
            if (await AllowAsync(context, caller, needed, isWrite, inAddress))
                await next(context);
        }
        catch
        {
            caller.Problem ??= "brokenOff";
            throw;
        }
        finally
        {
            if ((isWrite && needed == Role.Operator) || caller.ActsAsOperator)
                Audit(context, caller, ActionOf(context));
        }
    }

    /// <summary>POST /login.</summary>
    public async Task LogInAsync(HttpContext context)
    {
        if (!await limits.AllowLoginAsync(context))
            return;
        var isForm = context.Request.HasFormContentType;
        var credential = Find(context, await LoginPage.ReadAsync(context));
        Audit(context, new Caller(credential, ByCookie: false) { Problem = credential is null ? ApiProblem.Unauthorized : null }, "login", credential is null ? StatusCodes.Status401Unauthorized : StatusCodes.Status200OK);
        if (credential is null)
        {
            if (isForm)
                await LoginPage.WriteAsync(context, StatusCodes.Status401Unauthorized, "The node does not know this token.");
            else
                await RefuseAsync(context);
            return;
        }
        sessions.End(context.Request.Cookies[CookieOf(context)]);
        Remember(context, credential);
        if (isForm)
            SeeOther(context, LoginPage.Target(context));
        else
            context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>POST /logout.</summary>
    public Task LogOut(HttpContext context)
    {
        sessions.End(context.Request.Cookies[CookieOf(context)]);
        context.Response.Cookies.Delete(CookieOf(context), Cookie(context));
        SeeOther(context, LoginPage.Path);
        return Task.CompletedTask;
    }

    private async ValueTask<bool> AllowAsync(HttpContext context, Caller caller, Role needed, bool isWrite, string? inAddress)
    {
        if (!IsOpen(context) && !IsLocal(context))
        {
            Refused(logger, context.Request.Path, ApiProblem.WrongHost);
            await ApiProblem.WriteAsync(context, StatusCodes.Status421MisdirectedRequest, ApiProblem.WrongHost, "A node's local API is for its own host, by 127.0.0.1, [::1] or localhost.", advice: null);
            return false;
        }
        // A login that a foreign page has a browser send is none, either.
        if (isWrite && (caller.ByCookie || needed == Role.Anyone) && !IsOwnPage(context, caller))
        {
            Refused(logger, context.Request.Path, ApiProblem.CrossSite);
            await ApiProblem.WriteAsync(context, StatusCodes.Status403Forbidden, ApiProblem.CrossSite, "A browser's request that changes something must come from this node's own pages, and its body must be JSON.",
                "Programs send 'Authorization: Bearer' with a token in place of a cookie.");
            return false;
        }
        // Pages: once with ?token=… in the address, which is then no longer shown.
        if (inAddress is not null && HttpMethods.IsGet(context.Request.Method) && Find(context, inAddress) is { } known)
        {
            Remember(context, known);
            SeeOther(context, context.Request.PathBase + context.Request.Path + context.Request.QueryString, StatusCodes.Status302Found);
            return false;
        }
        if (caller.Role >= needed)
            return !isWrite || needed == Role.Anyone || await limits.AllowWriteAsync(context, caller.Credential!, needed);
        if (caller.Credential is { } credential)
        {
            Refused(logger, context.Request.Path, ApiProblem.Forbidden);
            await ApiProblem.WriteAsync(context, StatusCodes.Status403Forbidden, ApiProblem.Forbidden, $"This is for operators, and the token '{credential.Name}' is a reader's.", "Ask an operator, or use an operator's token.");
        }
        else if (HttpMethods.IsGet(context.Request.Method) && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
            SeeOther(context, $"{LoginPage.Path}?to={Uri.EscapeDataString(context.Request.Path + context.Request.QueryString)}");
        else
            await RefuseAsync(context);
        return false;
    }

    private async Task RefuseAsync(HttpContext context)
    {
        Refused(logger, context.Request.Path, ApiProblem.Unauthorized);
        context.Response.Headers.WWWAuthenticate = "Bearer";
        await ApiProblem.WriteAsync(context, StatusCodes.Status401Unauthorized, ApiProblem.Unauthorized, "The request does not carry a token that this node knows.",
            IsThisHost(context) ? $"Send 'Authorization: Bearer' with what stands in {token.Path}; it is new at each start of the node." : "Send 'Authorization: Bearer' with a token of the file that api.tokens of the node names.");
    }

    private Caller Identify(HttpContext context)
    {
        var presented = context.Request.Headers.Authorization.ToString();
        if (presented.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
            return new Caller(Find(context, presented.AsSpan(Scheme.Length).Trim()), ByCookie: false);
        var session = sessions.Find(context.Request.Cookies[CookieOf(context)]);
        // What was taken out of the file since the login is no credential any more, and another role is another role.
        var credential = session is null || ReferenceEquals(session, Host) ? session : tokens?.Now.Refresh(session);
        return new Caller(ReferenceEquals(credential, Host) && !IsThisHost(context) ? null : credential, ByCookie: credential is not null);
    }

    private Credential? Find(HttpContext context, ReadOnlySpan<char> presented)
    {
        var ofFile = tokens?.Now.Find(presented);
        return IsThisHost(context) && token.Matches(presented) ? Host : ofFile;
    }

    // Whether it came to where the node listens for others, too.
    private bool IsOpen(HttpContext context) => options.Open is { } open && context.Connection.LocalIpAddress is { } at && (open.Port == 0 || context.Connection.LocalPort == open.Port)
        && (open.Address.Equals(IPAddress.Any) || open.Address.Equals(IPAddress.IPv6Any) || open.Address.Equals(at.IsIPv4MappedToIPv6 ? at.MapToIPv4() : at));

    // A name below localhost is no other name: the resolver may be anybody's.
    private static bool IsLocal(HttpContext context) => IsThisHost(context) && context.Connection.LocalIpAddress is { } at && IPAddress.IsLoopback(at)
        && context.Request.Host.Host is "localhost" or "127.0.0.1" or "[::1]" or "::1";

    private static bool IsThisHost(HttpContext context) => context.Connection.RemoteIpAddress is { } from && IPAddress.IsLoopback(from);

    // Browsers say where a request comes from; one that says nothing is none that we let change anything by a cookie.
    private static bool IsOwnPage(HttpContext context, Caller caller)
    {
        var headers = context.Request.Headers;
        if (headers["Sec-Fetch-Site"] is { Count: > 0 } site)
        {
            if (!string.Equals(site.ToString(), "same-origin", StringComparison.Ordinal))
                return false;
        }
        else if (headers.Origin is { Count: > 0 } origin)
        {
            if (!string.Equals(origin.ToString(), $"{context.Request.Scheme}://{context.Request.Host}", StringComparison.OrdinalIgnoreCase))
                return false;
        }
        else if (caller.ByCookie)
            return false;
        var hasBody = context.Request.ContentLength is > 0 || headers.TransferEncoding.Count > 0;
        return !caller.ByCookie || !hasBody || context.Request.HasJsonContentType() || (string.Equals(context.Request.Path, LoginPage.Path, StringComparison.Ordinal) && context.Request.HasFormContentType);
    }

    private void Remember(HttpContext context, Credential credential) => context.Response.Cookies.Append(CookieOf(context), sessions.Begin(credential), Cookie(context));

    private static CookieOptions Cookie(HttpContext context) => new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/", Secure = context.Request.IsHttps };

    // Cookies know no ports: two nodes of one address would take each other's.
    private static string CookieOf(HttpContext context) => string.Create(CultureInfo.InvariantCulture, $"{(context.Request.IsHttps ? "__Host-" : "")}dscache-{context.Connection.LocalPort}");

    // Out of sight of all that comes behind, and of what it may log.
    private static string? TakeFromAddress(HttpContext context)
    {
        if (!context.Request.Query.TryGetValue("token", out var given))
            return null;
        context.Request.QueryString = QueryString.Create(context.Request.Query.Where(pair => !string.Equals(pair.Key, "token", StringComparison.OrdinalIgnoreCase)));
        return given.ToString();
    }

    private static void SetHeaders(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "same-origin";
        // What a dataset holds is shown as what it is, and runs nothing in the name of who looks at it.
        if (context.Request.Path.StartsWithSegments("/v1", StringComparison.Ordinal))
            headers.ContentSecurityPolicy = "default-src 'none'; sandbox";
    }

    private static void SeeOther(HttpContext context, string to, int status = StatusCodes.Status303SeeOther)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.Location = to;
        context.Response.Headers.CacheControl = "no-store";
    }

    private static string ActionOf(HttpContext context)
        => $"{context.Request.Method} {(context.GetEndpoint() as Microsoft.AspNetCore.Routing.RouteEndpoint)?.RoutePattern.RawText ?? context.Request.Path}";

    private void Audit(HttpContext context, Caller caller, string action, int? status = null) => audit.Write(new AuditRecord(
        time.GetUtcNow(), caller.Credential?.Name ?? "?", caller.Role.ToString().ToLowerInvariant(), action, context.Request.Path + context.Request.QueryString, context.Connection.RemoteIpAddress?.ToString() ?? "?",
        status ?? context.Response.StatusCode, caller.Problem ?? "done", caller.Detail));

    [LoggerMessage(20, LogLevel.Warning, "Refused a request for {Path}: {Reason}")]
    private static partial void Refused(ILogger logger, string? path, string reason);
}
