namespace DatasetCache.Simulation.World;

internal sealed record Scenario
{
    public required int Seed { get; init; }

    public int Nodes { get; init; } = 4;

    public int Pieces { get; init; } = 32;

    public int PieceBytes { get; init; } = 1 << 20;

    public int ChunkBytes { get; init; } = 1 << 18;

    /// <summary>Bytes a second, each way, of each node.</summary>
    public double NodeRate { get; init; } = 12.5e6;

    public double OriginRate { get; init; } = 125e6;

    /// <summary>Bytes a second of one request to the origin; none: whatever the link gives.</summary>
    public double? ConnectionRate { get; init; }

    /// <summary>Pieces that one request to the origin asks for, and requests of one node at a time, as the engine has them.</summary>
    public int PiecesPerRequest { get; init; } = 1;

    public int RequestsPerNode { get; init; } = 1024;

    public TimeSpan OriginLatency { get; init; } = TimeSpan.FromMilliseconds(15);

    /// <summary>All nodes ask within this time.</summary>
    public TimeSpan Arrival { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Of the pieces, how many each node has a part of when it begins.</summary>
    public double Partial { get; init; }

    /// <summary>Of the nodes, how many read piece by piece, here and there, until they have all of it.</summary>
    public double Readers { get; init; }

    public Faults Faults { get; init; } = new();

    public DatasetCache.Coordination.MemberOptions MemberOptions { get; init; } = new();

    public DatasetCache.Coordination.CoordinatorOptions Options { get; init; } = new();
}

/// <summary>What may go wrong until <see cref="End"/>; then nothing new does.</summary>
internal sealed record Faults
{
    public TimeSpan End { get; init; }

    public int Crashes { get; init; }

    public int CoordinatorLosses { get; init; }

    public int DoubleActivations { get; init; }

    /// <summary>Of the messages.</summary>
    public double Loss { get; init; }

    public double Repeated { get; init; }

    public double Late { get; init; }

    public int Liars { get; init; }

    public int Slow { get; init; }

    /// <summary>Of the reads from the origin.</summary>
    public double OriginErrors { get; init; }

    public bool OriginChanges { get; init; }

    public int Cuts { get; init; }

    public bool AreQuiet => Crashes == 0 && CoordinatorLosses == 0 && DoubleActivations == 0 && Loss == 0 && Repeated == 0 && Late == 0 && Liars == 0 && Slow == 0 && OriginErrors == 0 && !OriginChanges && Cuts == 0;

    /// <summary>Some of everything, by a seed.</summary>
    public static Scenario Draw(int seed)
    {
        var random = new Random(seed);
        bool Maybe(double chance) => random.NextDouble() < chance;
        var nodes = random.Next(1, 9);
        return new Scenario
        {
            Seed = seed,
            Nodes = nodes,
            Pieces = random.Next(1, 49),
            ChunkBytes = 1 << 19,
            NodeRate = 1e6 * random.Next(2, 30),
            OriginRate = 1e6 * random.Next(2, 60),
            Arrival = TimeSpan.FromMilliseconds(random.Next(1, 3000)),
            Faults = new Faults
            {
                End = TimeSpan.FromSeconds(random.Next(3, 15)),
                Crashes = Maybe(0.5) ? random.Next(1, 4) : 0,
                CoordinatorLosses = Maybe(0.4) ? random.Next(1, 3) : 0,
                DoubleActivations = Maybe(0.25) ? 1 : 0,
                Loss = Maybe(0.35) ? random.NextDouble() * 0.2 : 0,
                Repeated = Maybe(0.35) ? random.NextDouble() * 0.2 : 0,
                Late = Maybe(0.35) ? random.NextDouble() * 0.2 : 0,
                Liars = Maybe(0.25) && nodes > 2 ? 1 : 0,
                Slow = Maybe(0.25) && nodes > 2 ? 1 : 0,
                OriginErrors = Maybe(0.25) ? random.NextDouble() * 0.3 : 0,
                OriginChanges = Maybe(0.15),
                Cuts = Maybe(0.35) ? random.Next(1, 4) : 0,
            },
            Partial = Maybe(0.3) ? random.NextDouble() : 0,
            Readers = Maybe(0.4) ? random.NextDouble() : 0,
        };
    }
}
