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
        if (await AskAsync(session, settings, "GET", "/v1/status", default, CancellationToken.None) is not { } answer)
        {
            Stdio.Print(settings.Json ? """{"node":null}""" : $"no node runs on {settings.Cache.Root}: commands work on the cache themselves");
            return ExitCode.Ok;
        }
        if (settings.Json)
        {
            Stdio.Print(Encoding.UTF8.GetString(answer.Body));
            return ExitCode.Ok;
        }
        NodeDocuments.Read(answer, Print);
        // A node of an older version, or one without a cluster, has no such thing.
        if (await AskAsync(session, settings, "GET", "/v1/limits", default, CancellationToken.None, isOptional: true) is { } limits)
            Stdio.Print(NodeDocuments.Read(limits, LimitsCommand.Line));
        if (await AskAsync(session, settings, "GET", "/v1/nodes", default, CancellationToken.None, isOptional: true) is { } nodes)
            NodeDocuments.Read(nodes, PrintNodes);
        return ExitCode.Ok;
    }

    /// <summary>Null where no node runs, or where it does not know what is asked for and that is optional.</summary>
    /// <exception cref="NodeException">It cannot be asked, or refused.</exception>
    public static async Task<NodeAnswer?> AskAsync(Session session, Settings settings, string method, string target, ReadOnlyMemory<byte> body, CancellationToken cancellationToken, bool isOptional = false)
    {
        var root = settings.Cache.Root;
        if (NodeLock.Find(root) is not { } address)
            return null;
        using var calls = new NodeCalls(root, address, session.Time, Stdio.Note);
        NodeAnswer answer;
        try
        {
            answer = await calls.SendAsync(method, target, body, TimeSpan.Zero, cancellationToken);
        }
        catch (NodeGoneException e)
        {
            throw new NodeException(e.IsRefused ? ErrorCode.StorageFailed : ErrorCode.LockTimeout, $"The node of {root} cannot be asked: {e.Message}.",
                e.IsRefused ? "Run this as the node's user, or as one of the cache root's group." : "See whether its process lives, and what its log says.", isWorthRetrying: !e.IsRefused);
        }
        if (answer.Status == 200)
            return answer;
        return isOptional ? null : throw NodeDocuments.Read(answer, NodeDocuments.Problem).Exception;
    }

    private static bool PrintNodes(JsonElement json)
    {
        var table = new TextTable("NODE", "ADDRESS", "STATE", "ENTRIES", "SIZE");
        foreach (var node in json.GetProperty("nodes").EnumerateArray())
        {
            var isAlive = node.GetProperty("isAlive").GetBoolean();
            table.Add(
                node.GetProperty("node").GetString()!, isAlive ? node.GetProperty("address").GetString()! : "-", isAlive ? "alive" : $"does not answer ({node.GetProperty("status").GetString()})",
                isAlive ? Display.Count(node.GetProperty("entries").GetInt64()) : "-", isAlive ? Display.Size(node.GetProperty("bytes").GetInt64()) : "-");
        }
        table.Write(Stdio.Out);
        return true;
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
