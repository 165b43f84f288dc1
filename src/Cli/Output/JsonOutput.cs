using System.Text.Json.Serialization;
using DatasetCache.Cli.Acquiring;
using DatasetCache.Cli.Checking;
using DatasetCache.Cli.Diagnosis;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Keeping;
using DatasetCache.Cli.Moving;
using DatasetCache.Cli.Nodes;
using DatasetCache.Cli.Prefetching;
using DatasetCache.Cli.Progress;
using DatasetCache.Cli.Setup;

namespace DatasetCache.Cli.Output;

/// <summary>All JSON that dscache writes, by source generation: reflection would cost the start of every process.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, GenerationMode = JsonSourceGenerationMode.Serialization)]
[JsonSerializable(typeof(AcquireReport))]
[JsonSerializable(typeof(Nodes.LimitsDocument))]
[JsonSerializable(typeof(ProgressLine))]
[JsonSerializable(typeof(ErrorDocument))]
[JsonSerializable(typeof(EntryDocument))]
[JsonSerializable(typeof(EntryListDocument))]
[JsonSerializable(typeof(ReleaseDocument))]
[JsonSerializable(typeof(PruneDocument))]
[JsonSerializable(typeof(PinDocument))]
[JsonSerializable(typeof(ExplanationDocument))]
[JsonSerializable(typeof(DiskUseDocument))]
[JsonSerializable(typeof(VerifyDocument))]
[JsonSerializable(typeof(ScrubDocument))]
[JsonSerializable(typeof(PrefetchDocument))]
[JsonSerializable(typeof(StatisticsDocument))]
[JsonSerializable(typeof(ExportDocument))]
[JsonSerializable(typeof(ImportDocument))]
[JsonSerializable(typeof(SettingsDocument))]
[JsonSerializable(typeof(SettingLine))]
[JsonSerializable(typeof(ConfigFileLine))]
[JsonSerializable(typeof(ConfigChangeDocument))]
[JsonSerializable(typeof(TokenDocument))]
[JsonSerializable(typeof(DoctorDocument))]
internal sealed partial class JsonOutput : JsonSerializerContext;
