using System.Text.Json;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DatasetCache.Http.Api.OpenApi;

internal static class OpenApiRoute
{
    /// <summary><c>/openapi/v1.json</c>: made when it is first asked for, when everybody has mapped his routes.</summary>
    public static void MapOpenApiDocument(this IEndpointRouteBuilder routes)
    {
        byte[]? made = null;
        routes.MapGet("/openapi/v1.json", async context =>
        {
            made ??= JsonSerializer.SerializeToUtf8Bytes(OpenApiDocument.Of(context.RequestServices.GetRequiredService<EndpointDataSource>().Endpoints), NodeJson.Default.JsonObject);
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = made.Length;
            await context.Response.BodyWriter.WriteAsync(made, context.RequestAborted);
        }).RequireRole(Role.Reader);
    }
}

[System.Text.Json.Serialization.JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
internal sealed partial class NodeJson : System.Text.Json.Serialization.JsonSerializerContext;
