namespace DatasetCache.Bench.Costs;

/// <summary>Where a table comes from: the command, the machine, the commit, as bench/run found them.</summary>
internal static class Provenance
{
    /// <summary>The load is the table's own: that of the start is long gone.</summary>
    public static void Print()
        => Console.WriteLine($"  {Variable("BENCH_COMMAND")}; {Variable("BENCH_MACHINE")}; load {string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3])}");

    private static string Variable(string name) => Environment.GetEnvironmentVariable(name) ?? name + " is not set";
}
