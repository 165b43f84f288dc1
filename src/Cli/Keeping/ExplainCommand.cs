using System.CommandLine;
using DatasetCache.Cli.Entries;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Eviction;

namespace DatasetCache.Cli.Keeping;

/// <summary><c>dscache explain KEY</c>: why an entry is kept, and when it could go.</summary>
internal static class ExplainCommand
{
    public static Command Define(Command command, Session session)
    {
        var key = new Argument<string>("KEY") { Description = "The entry's cache key as ls prints it, or its beginning." };
        command.Add(key.RefuseOptions());
        var flags = new SettingFlags(SettingTable.CacheRoot, SettingTable.Json);
        flags.AddTo(command);
        command.SetAction((parse, _) => RunAsync(session, session.LoadSettings(parse, flags), parse.GetRequiredValue(key)));
        return command;
    }

    private static async Task<int> RunAsync(Session session, Settings settings, string key)
    {
        await using var cache = session.OpenCache(settings);
        key = CacheKeys.Resolve(settings.Cache.Root, key);
        var why = cache.Explain(key) ?? throw new DatasetNotFoundException($"The cache in {settings.Cache.Root} has no entry '{key}'.", "'dscache ls' lists the entries.");
        if (settings.Json)
            Stdio.Print(JsonText.Pretty(Document(why), JsonOutput.Default.ExplanationDocument));
        else
            Write(why, session.Time.GetUtcNow());
        return ExitCode.Ok;
    }

    private static ExplanationDocument Document(EntryExplanation why) => new(
        why.CacheKey, why.Protections.Count > 0, [.. why.Protections.Select(one => new ProtectionDocument(one.Kind.ToString(), one.Reason, one.Until))],
        why.LastUsedAt, Math.Round(why.RecentUses, 3), Math.Round(why.Ttl.TotalSeconds), why.ExpiresAt, why.IsExpired, why.FreeableBytes, why.ChargedBytes, why.Rank, why.Entries,
        why.UnprotectedBytesBefore, UsageDocument.Of(why.Space), why.Priority.ToString().ToLowerInvariant());

    private static void Write(EntryExplanation why, DateTimeOffset now)
    {
        if (why.Protections.Count > 0)
        {
            Stdio.Print($"{why.CacheKey} is kept, because");
            foreach (var protection in why.Protections)
                Stdio.Print($"  {protection.Reason}");
        }
        else
            Stdio.Print($"{why.CacheKey} may go when its space is needed; nothing protects it.");
        Stdio.Print($"last used    {Display.Time(why.LastUsedAt)}, {Display.Duration(now - why.LastUsedAt)} ago");
        Stdio.Print(why.IsExpired
            ? $"expired      {Display.Time(why.ExpiresAt)}: it goes before all that have not"
            : $"expires      {Display.Time(why.ExpiresAt)}, in {Display.Duration(why.ExpiresAt - now)}, if nobody uses it again");
        Stdio.Print($"order        {Display.Count(why.Rank)} of {Display.Count(why.Entries)}; {Display.Size(why.UnprotectedBytesBefore)} of unprotected entries go before it");
        if (why.Priority != EntryPriority.Normal)
            Stdio.Print($"priority     {(why.Priority == EntryPriority.Low ? "low: it goes before all others" : "high: it goes after all others")}");
        Stdio.Print($"would free   {Display.Size(why.FreeableBytes)}{(why.ChargedBytes > why.FreeableBytes ? $"; {Display.Size(why.ChargedBytes - why.FreeableBytes)} more that it is charged for are shared with other entries" : "")}");
        Stdio.Print($"space        {Display.Size(why.Space.Used)} of {Display.Size(why.Space.Quota)} used: something goes when a download does not fit, down to {Display.Size(why.Space.LowMark)}");
    }
}
