using System.Text.Json;
using DatasetCache.Http.Api.OpenApi;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace DatasetCache.Http.Tests.Api;

public sealed class OpenApiTests
{
    [Fact]
    public async Task Every_mapped_route_is_in_the_document_and_nothing_else()
    {
        await using var node = await ApiGround.StartAsync();

        var document = await node.ReadAsync("/openapi/v1.json");

        var said = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(method => $"{method.Name} {path.Name}")).Order(StringComparer.Ordinal).ToArray();
        var mapped = node.Routes.Where(route => OpenApiDocument.IsDocumented(OpenApiDocument.PathOf(route)))
            .SelectMany(route => (route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"]).Select(method => $"{method.ToLowerInvariant()} {OpenApiDocument.PathOf(route)}"))
            .Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(mapped, said);
        Assert.Contains("get /v1/datasets/{key}/history", said);
        Assert.Contains("delete /cache/all", said);
        Assert.Contains("post /v1/nodes/{node}/warm", said);
        // What operators do is for operators, and what a reader may change is named here, one by one.
        Assert.Equal(
            ["delete /v1/acquisitions/{ticket}", "delete /v1/leases/{id}", "delete /v1/links", "post /v1/acquire", "post /v1/leases/{id}/renew", "post /v1/links", "post /v1/open", "post /v1/recommendations"],
            document.GetProperty("paths").EnumerateObject()
                .SelectMany(path => path.Value.EnumerateObject().Where(method => method.Name is not ("get" or "head") && method.Value.GetProperty("x-role").GetString() is not "operator").Select(method => $"{method.Name} {path.Name}"))
                .Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_document_holds_together()
    {
        await using var node = await ApiGround.StartAsync();

        var document = await node.ReadAsync("/openapi/v1.json");

        Assert.StartsWith("3.1", document.GetProperty("openapi").GetString(), StringComparison.Ordinal);
        var schemas = document.GetProperty("components").GetProperty("schemas");
        var operations = document.GetProperty("paths").EnumerateObject().SelectMany(path => path.Value.EnumerateObject().Select(method => (Path: path.Name, Operation: method.Value))).ToArray();
        Assert.Distinct(operations.Select(operation => operation.Operation.GetProperty("operationId").GetString()));
        foreach (var (path, operation) in operations)
        {
            var named = operation.GetProperty("parameters").EnumerateArray().Where(parameter => parameter.GetProperty("in").GetString() is "path").Select(parameter => $"{{{parameter.GetProperty("name").GetString()}}}").ToArray();
            Assert.Equal(path.Split('/').Where(part => part.StartsWith('{')).Order(StringComparer.Ordinal), named.Order(StringComparer.Ordinal));
        }
        foreach (var reference in References(document))
        {
            var at = document;
            foreach (var part in reference.TrimStart('#', '/').Split('/'))
                Assert.True(at.TryGetProperty(part, out at), reference);
        }
        Assert.Contains("state", schemas.GetProperty("Entry").GetProperty("properties").EnumerateObject().Select(property => property.Name));
    }

    private static IEnumerable<string> References(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.Object => json.EnumerateObject().SelectMany(property => property.Name is "$ref" ? [property.Value.GetString()!] : References(property.Value)),
        JsonValueKind.Array => json.EnumerateArray().SelectMany(References),
        _ => [],
    };
}
