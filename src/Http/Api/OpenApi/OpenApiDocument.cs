using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace DatasetCache.Http.Api.OpenApi;

/// <summary>
/// The OpenAPI 3.1 document, made from the routes themselves: whatever is mapped is in it, with as much as its <see cref="ApiOperation"/> says. Microsoft.AspNetCore.OpenApi
/// knows only routes whose handlers are typed, and these are not: none of them binds by reflection.
/// </summary>
internal static class OpenApiDocument
{
    // What is for people, or for programs of other kinds, is not in it.
    private static readonly string[] Documented = ["/v1/", "/cache/", "/health", "/metrics"];

    private const string Components = "#/components/schemas/";

    private static readonly JsonSchemaExporterOptions Schemas = new() { TreatNullObliviousAsNonNullable = true };

    public static JsonObject Of(IEnumerable<Endpoint> endpoints)
    {
        var paths = new JsonObject();
        var schemas = new JsonObject();
        Reference(schemas, ApiJson.Default.ProblemDocument);
        foreach (var (path, route) in endpoints.OfType<RouteEndpoint>().Select(route => (Path: PathOf(route), Route: route)).Where(pair => IsDocumented(pair.Path)).OrderBy(pair => pair.Path, StringComparer.Ordinal))
        {
            if (paths[path] is not JsonObject operations)
                paths[path] = operations = [];
            foreach (var method in route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"])
                operations[method.ToLowerInvariant()] = Operation(route, method, schemas);
        }
        return new JsonObject
        {
            ["openapi"] = "3.1.0",
            ["info"] = new JsonObject
            {
                ["title"] = "DatasetCache node",
                ["version"] = "1",
                ["description"] = "A node of a dataset cache. Sizes are bytes, times UTC. Failures are application/problem+json with a code, a message and what to do. Fields may be added; pass over those that you do not know.",
            },
            ["paths"] = paths,
            ["components"] = new JsonObject
            {
                ["schemas"] = schemas,
                ["securitySchemes"] = new JsonObject { ["token"] = new JsonObject { ["type"] = "http", ["scheme"] = "bearer" } },
            },
            ["security"] = new JsonArray(new JsonObject { ["token"] = new JsonArray() }),
        };
    }

    /// <summary>With its leading slash, and parameters without their constraints.</summary>
    public static string PathOf(RouteEndpoint route) => "/" + string.Join('/', route.RoutePattern.PathSegments.Select(segment => string.Concat(segment.Parts.Select(part => part switch
    {
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternLiteralPart literal => literal.Content,
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternParameterPart parameter => $"{{{parameter.Name}}}",
        Microsoft.AspNetCore.Routing.Patterns.RoutePatternSeparatorPart separator => separator.Content,
        _ => "",
    }))));

    public static bool IsDocumented(string path) => Array.Exists(Documented, prefix => path.StartsWith(prefix, StringComparison.Ordinal) || string.Equals(path, prefix.TrimEnd('/'), StringComparison.Ordinal));

    private static JsonObject Operation(RouteEndpoint route, string method, JsonObject schemas)
    {
        var said = route.Metadata.GetMetadata<ApiOperation>();
        var role = route.Metadata.GetMetadata<RequiredRole>()?.Role ?? Role.Reader;
        var isAlias = said is not null && !string.Equals(method, Methods(route)[0], StringComparison.Ordinal);
        var operation = new JsonObject
        {
            ["operationId"] = said is null ? $"{method.ToLowerInvariant()}{PathOf(route)}" : isAlias ? $"{said.Id}By{CultureInfo.InvariantCulture.TextInfo.ToTitleCase(method.ToLowerInvariant())}" : said.Id,
            ["summary"] = said?.Summary ?? "",
            ["x-role"] = role.ToString().ToLowerInvariant(),
            ["parameters"] = new JsonArray([
                .. route.RoutePattern.Parameters.Select(parameter => Parameter(parameter.Name, "path", isRequired: true, description: null)),
                .. (said?.Query ?? []).Select(query => Parameter(query.Name, "query", isRequired: false, query.Description))]),
        };
        if (role == Role.Anyone)
            operation["security"] = new JsonArray();
        if (said?.Body is { } body)
            operation["requestBody"] = new JsonObject { ["required"] = true, ["content"] = Content("application/json", Reference(schemas, body)) };
        var responses = new JsonObject { [(said?.Status ?? 200).ToString(CultureInfo.InvariantCulture)] = Response(said, schemas) };
        if (said?.MayBeStarted == true)
            responses["202"] = Response(said, schemas);
        responses["default"] = new JsonObject { ["description"] = "It failed.", ["content"] = Content("application/problem+json", Reference(schemas, ApiJson.Default.ProblemDocument)) };
        operation["responses"] = responses;
        return operation;
    }

    private static IReadOnlyList<string> Methods(RouteEndpoint route) => route.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods ?? ["GET"];

    private static JsonObject Parameter(string name, string place, bool isRequired, string? description)
    {
        var parameter = new JsonObject { ["name"] = name, ["in"] = place, ["required"] = isRequired, ["schema"] = new JsonObject { ["type"] = "string" } };
        if (description is not null)
            parameter["description"] = description;
        return parameter;
    }

    private static JsonObject Response(ApiOperation? said, JsonObject schemas)
    {
        var response = new JsonObject { ["description"] = "It worked." };
        if (said?.Answer is { } answer)
            response["content"] = Content(said.AnswerType, Reference(schemas, answer));
        else if (said is { AnswerType: not "application/json" })
            response["content"] = Content(said.AnswerType, new JsonObject { ["type"] = "string" });
        return response;
    }

    private static JsonObject Content(string type, JsonObject schema) => new() { [type] = new JsonObject { ["schema"] = schema } };

    private static JsonObject Reference(JsonObject schemas, JsonTypeInfo type)
    {
        var name = type.Type.Name.EndsWith("Document", StringComparison.Ordinal) ? type.Type.Name[..^"Document".Length] : type.Type.Name;
        if (schemas[name] is null)
        {
            var schema = type.GetJsonSchemaAsNode(Schemas);
            Place(schema, Components + name);
            schemas[name] = schema;
        }
        return new JsonObject { ["$ref"] = Components + name };
    }

    // A schema that names a part of itself does so from its own root, which is not the document's.
    private static void Place(JsonNode? node, string place)
    {
        switch (node)
        {
            case JsonObject json:
                if (json["$ref"] is JsonValue reference && reference.GetValue<string>() is ['#', .. var part])
                    json["$ref"] = place + part;
                foreach (var (_, value) in json)
                    Place(value, place);
                break;
            case JsonArray array:
                foreach (var value in array)
                    Place(value, place);
                break;
        }
    }
}
