using System.Text.Json.Serialization.Metadata;
using DatasetCache.Http.Access;
using Microsoft.AspNetCore.Builder;

namespace DatasetCache.Http.Api.OpenApi;

/// <summary>What /openapi/v1.json says of a route beyond its path, its method and who may call it.</summary>
/// <param name="Id">Unique among all: what a generated client calls it.</param>
internal sealed record ApiOperation(string Id, string Summary)
{
    /// <summary>Names and meanings; all of them may be left out.</summary>
    public IReadOnlyList<(string Name, string Description)> Query { get; init; } = [];

    /// <summary>Null for none.</summary>
    public JsonTypeInfo? Body { get; init; }

    public int Status { get; init; } = 200;

    /// <summary>What comes back; null for nothing, or what is no JSON.</summary>
    public JsonTypeInfo? Answer { get; init; }

    public string AnswerType { get; init; } = "application/json";

    /// <summary>It may be 202 as well: something that was only started.</summary>
    public bool MayBeStarted { get; init; }
}

internal static class ApiOperationExtensions
{
    /// <summary>Says at the place where a route is mapped what it is.</summary>
    public static TBuilder Describe<TBuilder>(this TBuilder route, ApiOperation operation)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(operation);

    /// <summary>The same of a route for operators.</summary>
    public static TBuilder ForOperators<TBuilder>(this TBuilder route, ApiOperation operation)
        where TBuilder : IEndpointConventionBuilder => route.RequireRole(Role.Operator).Describe(operation);
}
