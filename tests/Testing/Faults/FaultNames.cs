namespace DatasetCache.Testing.Faults;

/// <summary>The cases that this project has to survive, by number. docs/faults.md says of each what it must end in.</summary>
public static class FaultNames
{
    private static readonly string[] Names =
    [
        "killed while it writes",
        "power loss",
        "torn commit",
        "disk full, inodes used up",
        "fsync fails",
        "reads fail, disk turns read-only",
        "slow disk",
        "bytes change at rest",
        "the nth call fails",
        "coordinator stands still",
        "coordinator killed",
        "partition",
        "two coordinators at once",
        "bad line",
        "lying peer",
        "clock off by an hour",
        "herd",
        "evict against lease against reader",
        "origin fails",
        "wrong bodies",
        "source changes",
        "hostile keys",
        "planted links",
        "hostile archives",
        "wrong credentials",
        "paths outside a dataset",
        "canary secrets",
    ];

    public static int Count => Names.Length;

    /// <param name="number">From 1.</param>
    public static string Of(int number) => Names[number - 1];
}
