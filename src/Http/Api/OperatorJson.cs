using System.Text.Json.Serialization;
using DatasetCache.Http.Api.Cluster;
using DatasetCache.Http.Api.Datasets;

namespace DatasetCache.Http.Api;

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(EntryListDocument))]
[JsonSerializable(typeof(EntryDocument))]
[JsonSerializable(typeof(HistoryDocument))]
[JsonSerializable(typeof(PriorityBody))]
[JsonSerializable(typeof(VerifyBody))]
[JsonSerializable(typeof(EvictedDocument))]
[JsonSerializable(typeof(ClearedDocument))]
[JsonSerializable(typeof(StatisticsDocument))]
[JsonSerializable(typeof(ClusterDocument))]
[JsonSerializable(typeof(NodesDocument))]
[JsonSerializable(typeof(RecommendBody))]
[JsonSerializable(typeof(RecommendationsDocument))]
internal sealed partial class OperatorJson : JsonSerializerContext;
