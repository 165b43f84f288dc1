using DatasetCache.Cli.Output;
using DatasetCache.Integrity;

namespace DatasetCache.Cli.Checking;

/// <summary>What is said of a broken entry: what became of it, and each fault.</summary>
internal static class BrokenEntry
{
    // A disk that died would fill a log.
    private const int MostFaults = 20;

    public static void Write(VerifyResult result)
    {
        Stdio.Print($"{result.CacheKey}  {Words(result)}");
        foreach (var line in result.Found.Lines.Take(MostFaults))
            Stdio.Print($"  {line}");
        if (result.Found.Faults.Count > MostFaults)
            Stdio.Print($"  and {Display.Count(result.Found.Faults.Count - MostFaults)} more; --json lists all");
        if (result.Why is not null)
            Stdio.Print($"  {result.Why}");
    }

    private static string Words(VerifyResult result) => result.Outcome switch
    {
        VerifyOutcome.Sound => "sound",
        VerifyOutcome.Healed => $"was broken, and is healed ({Display.Size(result.BytesFromOrigin)} from the origin)",
        VerifyOutcome.Withdrawn => "BROKEN: nobody new gets it until it is healed",
        VerifyOutcome.Quarantined => "BROKEN: in quarantine; the next get fetches it anew",
        _ => throw new ArgumentOutOfRangeException(nameof(result), result.Outcome, "An outcome without words."),
    };
}
