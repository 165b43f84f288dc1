namespace DatasetCache.Bench.OneHost;

/// <summary>A program to run, with what its environment has beyond this process's (null removes).</summary>
public sealed record Command(string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string?> Environment)
{
    public Command With(string variable, string? value) =>
        this with { Environment = new Dictionary<string, string?>(Environment, StringComparer.Ordinal) { [variable] = value } };

    /// <summary>The same, and then a sync of the folder's whole file system, counted in.</summary>
    public Command ThenSync(string folder) =>
        this with { Program = "bash", Arguments = ["-c", "\"$@\" && sync -f \"$0\"", folder, Program, .. Arguments] };
}
