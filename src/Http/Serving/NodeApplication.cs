using DatasetCache.Http.Access;
using DatasetCache.Http.Api;
using DatasetCache.Http.Files;
using DatasetCache.Http.Health;
using DatasetCache.Http.Metrics;
using DatasetCache.Http.Pages;
using Microsoft.AspNetCore.Builder;

namespace DatasetCache.Http.Serving;

/// <summary>All that a node serves to people and programs, the same in a silo and on a host of its own. What comes first sees a request first.</summary>
internal static class NodeApplication
{
    public static void Use(WebApplication app, NodeParts parts)
    {
        var telemetry = NodeTelemetry.Begin(app, parts);
        var health = NodeHealth.Use(app, parts, telemetry);
        app.UseAccess(parts);
        app.UseApiProblems();
        app.MapNodeApi(parts);
        FilesApi.Map(app, parts);
        telemetry.Map(app);
        health.Map(app);
        app.MapNodePages(parts.Service.Node);
    }
}
