using System.CommandLine;
using System.Text;
using System.Text.Json;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Store;

namespace DatasetCache.Cli.Nodes;

/// <summary><c>dscache status</c>: the node of this host, and what it is doing.</summary>
internal static class StatusCommand
{
    public static Command Define(Command command, Session session)
    {
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings)
    {
        var root = settings.Cache.Root;
        if (NodeLock.Find(root) is not { } address)
        {
            Stdio.Print(settings.Json ? """{"node":null}""" : $"no node runs on {root}: commands work on the cache themselves");
            return ExitCode.Ok;
        }
        using var calls = new NodeCalls(root, address, session.Time, Stdio.Note);
        NodeAnswer answer;
        try
        {
            answer = await calls.SendAsync("GET", "/v1/status", default, TimeSpan.Zero, CancellationToken.None);
        }
        catch (NodeGoneException e)
        {
            throw new NodeException(e.IsRefused ? ErrorCode.StorageFailed : ErrorCode.LockTimeout, $"The node of {root} cannot be asked: {e.Message}.",
                e.IsRefused ? "Run this as the node's user, or as one of the cache root's group." : "See whether its process lives, and what its log says.", isWorthRetrying: !e.IsRefused);
        }
        if (answer.Status != 200)
            throw NodeDocuments.Read(answer, NodeDocuments.Problem).Exception;
        if (settings.Json)
            Stdio.Print(Encoding.UTF8.GetString(answer.Body));
        else
            NodeDocuments.Read(answer, Print);
        return ExitCode.Ok;
    }

    private static bool Print(JsonElement json)
    {
        var space = json.GetProperty("space");
        Stdio.Print($"node {json.GetProperty("node").GetString()}, version {json.GetProperty("version").GetString()}, up {Display.Duration(TimeSpan.FromSeconds(json.GetProperty("uptimeSeconds").GetDouble()))}");
        Stdio.Print($"cache {json.GetProperty("cacheRoot").GetString()}: {Display.Count(json.GetProperty("entries").GetInt64())} entries, {Display.Size(json.GetProperty("bytes").GetInt64())}, {Display.Count(json.GetProperty("leases").GetInt64())} leases");
        Stdio.Print($"used {Display.Size(space.GetProperty("used").GetInt64())} of {Display.Size(space.GetProperty("quota").GetInt64())}, disk {Display.Size(space.GetProperty("diskFree").GetInt64())} free");
        foreach (var work in json.GetProperty("working").EnumerateArray())
        {
            var (_, progress, _) = NodeDocuments.Work(work);
            Stdio.Print(progress is null ? "under way: starting" : $"under way: {Progress.ProgressText.Line(progress, bytesPerSecond: null, timeLeft: null)}");
        }
        return true;
    }
}
