using System.CommandLine;
using System.Text;
using System.Text.Json;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;

namespace DatasetCache.Cli.Nodes;

/// <summary><c>dscache limits</c>: what this host's node may take for transfers with other nodes, shown and changed while it runs.</summary>
internal static class LimitsCommand
{
    public static Command Define(Command command, Session session)
    {
        var upload = new Option<string?>("--upload") { Description = "Bytes a second that the node sends to others at most, such as 50MB; 0 for no bound." };
        var download = new Option<string?>("--download") { Description = "Bytes a second that the node takes from others at most; 0 for no bound." };
        var cpu = new Option<int?>("--cpu") { Description = "Percent of the machine's processors that transfers between nodes may take, 1 to 100; 0 for no bound." };
        command.Add(upload);
        command.Add(download);
        command.Add(cpu);
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, cancellationToken) =>
        {
            var settings = session.LoadSettings(parse, flags);
            var wanted = new LimitsDocument(Rate("--upload", parse.GetValue(upload)), Rate("--download", parse.GetValue(download)), parse.GetValue(cpu));
            return RunAsync(session, settings, wanted, cancellationToken);
        });
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, LimitsDocument wanted, CancellationToken cancellationToken)
    {
        var isChange = wanted != new LimitsDocument(null, null, null);
        var body = isChange ? JsonSerializer.SerializeToUtf8Bytes(wanted, JsonOutput.Default.LimitsDocument) : [];
        var answer = await StatusCommand.AskAsync(session, settings, isChange ? "PUT" : "GET", "/v1/limits", body, cancellationToken)
            ?? throw new ConfigurationException(SettingTable.CacheRoot, $"No node runs on {settings.Cache.Root}, so there are no transfers to limit.", "cluster.upload, cluster.download and cluster.cpu are what a node starts with.");
        if (settings.Json)
        {
            Stdio.Print(Encoding.UTF8.GetString(answer.Body));
            return ExitCode.Ok;
        }
        Stdio.Print(NodeDocuments.Read(answer, Line));
        if (isChange)
            Stdio.Note("dscache: this holds until the node ends; cluster.upload, cluster.download and cluster.cpu are what it starts with.");
        return ExitCode.Ok;
    }

    public static string Line(JsonElement json)
    {
        var (up, down, cpu) = (json.GetProperty("uploadBytesPerSecond").GetInt64(), json.GetProperty("downloadBytesPerSecond").GetInt64(), json.GetProperty("cpuPercent").GetInt32());
        return $"transfers with other nodes: upload {Rate(up)}, download {Rate(down)}, processors {(cpu == 0 ? "no bound" : $"{cpu} %")}";
    }

    private static string Rate(long bytes) => bytes == 0 ? "no bound" : $"{Display.Size(bytes)}/s";

    private static long? Rate(string flag, string? text) => text is null ? null
        : Quantity.TryParseSize(text, out var bytes) ? bytes
        : throw new InvalidRequestException($"{flag} is '{text}'; it must be bytes a second such as 50MB, or 0 for no bound.");
}

/// <summary>What is to change; null for what stays.</summary>
internal sealed record LimitsDocument(long? UploadBytesPerSecond, long? DownloadBytesPerSecond, int? CpuPercent);
