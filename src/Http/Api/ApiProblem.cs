using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace DatasetCache.Http.Api;

/// <summary>Failures as <c>application/problem+json</c>.</summary>
internal static class ApiProblem
{
    /// <summary>No such ticket (any more): the node was started anew. Ask again.</summary>
    public const string UnknownTicket = "unknownTicket";

    /// <summary>The lease ran out, or never was. Acquire again.</summary>
    public const string UnknownLease = "unknownLease";

    /// <summary>No node of that name is in the cluster.</summary>
    public const string UnknownNode = "unknownNode";

    /// <summary>The node that was named does not answer. It may later.</summary>
    public const string NodeUnreachable = "nodeUnreachable";

    public const string Unauthorized = "unauthorized";

    /// <summary>A folder that is not among those that the node reads for others.</summary>
    public const string ForeignFolder = "foreignFolder";

    public const string WrongHost = "wrongHost";

    /// <summary>An operator's route, and a reader's token.</summary>
    public const string Forbidden = "forbidden";

    /// <summary>A foreign page has a browser send it.</summary>
    public const string CrossSite = "crossSite";

    /// <summary>Later again.</summary>
    public const string TooManyRequests = "tooManyRequests";

    public static Task WriteAsync(HttpContext context, NodeFailure failure) => WriteAsync(context, StatusOf(failure.Code), CodeOf(failure.Code), failure.Message, failure.Advice, failure.IsWorthRetrying);

    public static Task WriteAsync(HttpContext context, ErrorDocument error)
        => WriteAsync(context, StatusOf(Enum.TryParse<ErrorCode>(error.Code, ignoreCase: true, out var code) ? code : ErrorCode.Internal), error.Code, error.Message, error.Advice, error.IsTransient);

    public static Task WriteAsync(HttpContext context, int status, string code, string message, string? advice, bool isTransient = false)
    {
        if (context.Caller() is { } caller)
            caller.Problem = code;
        return NodeApi.WriteAsync(context, status, new ProblemDocument("about:blank", TitleOf(status), status, message, code, message, advice, isTransient), ApiJson.Default.ProblemDocument,
            "application/problem+json");
    }

    public static string CodeOf(ErrorCode code) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(code.ToString());

    private static int StatusOf(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument => StatusCodes.Status400BadRequest,
        ErrorCode.NotFound => StatusCodes.Status404NotFound,
        ErrorCode.SourceChanged => StatusCodes.Status409Conflict,
        ErrorCode.Integrity => StatusCodes.Status422UnprocessableEntity,
        ErrorCode.AccessDenied or ErrorCode.OriginRejected => StatusCodes.Status502BadGateway,
        ErrorCode.OriginUnreachable or ErrorCode.LockTimeout => StatusCodes.Status503ServiceUnavailable,
        ErrorCode.NoSpace => StatusCodes.Status507InsufficientStorage,
        _ => StatusCodes.Status500InternalServerError,
    };

    /// <summary>Answers whatever fails behind it with a problem, as long as nothing was answered yet.</summary>
    public static IApplicationBuilder UseApiProblems(this IApplicationBuilder app) => app.Use(next => async context =>
    {
        try
        {
            await next(context);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            await WriteAsync(context, NodeFailure.Of(e));
        }
    });

    private static string TitleOf(int status) => Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
}
