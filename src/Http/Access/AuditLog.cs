using System.Text.Json;
using System.Text.Json.Serialization;
using DatasetCache.Store;
using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Access;

/// <summary>What operators did, and what was refused to them: a line of JSON each in <c>audit.log</c> of the cache root, and in the log.</summary>
internal sealed partial class AuditLog(string cacheRoot, ILogger logger, long largest = 4 << 20)
{
    public const string FileName = "audit.log";

    /// <summary>Files from before that are kept: audit.log.1 is the youngest.</summary>
    private const int Kept = 4;

    private readonly string path = Path.Join(cacheRoot, FileName);
    private readonly Lock gate = new();

    public void Write(AuditRecord record)
    {
        Did(logger, record.Who, record.Action, record.Target, record.From, record.Status, record.Outcome, record.Detail ?? "");
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(record, AuditJson.Default.AuditRecord), (byte)'\n'];
        try
        {
            lock (gate)
            {
                if (new FileInfo(path) is { Exists: true, Length: var length } && length + line.Length > largest)
                    Rotate();
                var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | (GroupModes.IsShared((uint)File.GetUnixFileMode(cacheRoot)) ? UnixFileMode.GroupRead : UnixFileMode.None);
                using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite, BufferSize = 0, UnixCreateMode = mode });
                file.Write(line);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stands in the log.
            NotKept(logger, path, e.Message);
        }
    }

    private void Rotate()
    {
        for (var number = Kept - 1; number >= 1; number--)
        {
            if (File.Exists($"{path}.{number}"))
                File.Move($"{path}.{number}", $"{path}.{number + 1}", overwrite: true);
        }
        File.Move(path, $"{path}.1", overwrite: true);
    }

    [LoggerMessage(24, LogLevel.Information, "{Who} from {From}: {Action} {Target} {Detail}: {Status} {Outcome}")]
    private static partial void Did(ILogger logger, string who, string action, string target, string from, int status, string outcome, string detail);

    [LoggerMessage(25, LogLevel.Error, "What an operator did could not be kept in {File}: {Reason}")]
    private static partial void NotKept(ILogger logger, string file, string reason);
}

/// <param name="Who">The name of the token; <c>?</c> for nobody that is known.</param>
/// <param name="Action">Method and route, or <c>login</c>.</param>
/// <param name="Target">The path that was called.</param>
/// <param name="Outcome"><c>done</c>, or the code of the problem.</param>
/// <param name="Detail">What the body asked for, where that matters.</param>
internal sealed record AuditRecord(DateTimeOffset At, string Who, string Role, string Action, string Target, string From, int Status, string Outcome, string? Detail);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditRecord))]
internal sealed partial class AuditJson : JsonSerializerContext;
