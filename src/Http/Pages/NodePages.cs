using System.Reflection;
using System.Text.Json.Serialization;
using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace DatasetCache.Http.Pages;

/// <summary>The operator's pages: <c>/</c> the cluster, <c>/ui/dataset?key=…</c> a dataset. All that they show and do goes through the HTTP API, with the rights of who looks at them.</summary>
internal static class NodePages
{
    /// <summary>Where the silo maps the Orleans dashboard.</summary>
    private const string Dashboard = "dashboard";

    public static void MapNodePages(this IEndpointRouteBuilder routes, string node)
    {
        foreach (var asset in PageAsset.All)
        {
            var pattern = asset.Name switch { "cluster.html" => "/", "dataset.html" => "/ui/dataset", var file => "/ui/" + file };
            routes.MapMethods(pattern, [HttpMethods.Get, HttpMethods.Head], asset.WriteAsync).ExcludeFromDescription();
        }
        var version = typeof(NodePages).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        var hasDashboard = new Lazy<bool>(() => routes.DataSources.SelectMany(source => source.Endpoints).OfType<RouteEndpoint>().Any(IsOfDashboard));
        routes.MapGet("/ui/session", context =>
        {
            context.Response.Headers.CacheControl = "no-store";
            var caller = context.Caller();
            var canOperate = caller?.Role >= Role.Operator;
            return NodeApi.WriteAsync(context, StatusCodes.Status200OK,
                new SessionDocument(node, version, canOperate && hasDashboard.Value, canOperate, caller?.ByCookie == true), PagesJson.Default.SessionDocument);
        }).ExcludeFromDescription();
    }

    private static bool IsOfDashboard(RouteEndpoint endpoint) => endpoint.RoutePattern.PathSegments is [{ Parts: [Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart { Content: Dashboard }] }, ..];
}

/// <summary>Who looks at the pages, and what this node has to show.</summary>
/// <param name="HasDashboard">There is one, and he may see it: it is for operators.</param>
/// <param name="CanOperate">Whether he is shown an operator's buttons; whether he may is judged where he uses them.</param>
/// <param name="CanLogOut">He came through the page to log in at.</param>
internal sealed record SessionDocument(string Node, string Version, bool HasDashboard, bool CanOperate, bool CanLogOut);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(SessionDocument))]
internal sealed partial class PagesJson : JsonSerializerContext;
