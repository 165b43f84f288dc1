namespace DatasetCache.Simulation.World;

/// <summary>The object store: one version at a time, and a count of who read what.</summary>
internal sealed class Origin(EventQueue events, Scenario scenario)
{
    private readonly Dictionary<(int Version, int Piece), int> reads = [];

    private TimeSpan last;

    public Link Up { get; } = new(events, scenario.OriginRate);

    public int Version { get; private set; } = 1;

    public int Errors { get; set; }

    public IReadOnlyDictionary<(int Version, int Piece), int> Reads => reads;

    public void Change() => Version++;

    /// <summary>When the last read began.</summary>
    public TimeSpan LastRead => last;

    public void Began(int version, int piece)
    {
        reads[(version, piece)] = reads.GetValueOrDefault((version, piece)) + 1;
        last = events.Now;
    }

    /// <summary>What a piece's bytes are: a number stands for them, and for their checksum too.</summary>
    public static uint Content(int version, int piece) => (uint)HashOf(version, piece);

    public static string Listing(int version) => $"listing-{version}";

    public static int VersionOf(string listing) => int.Parse(listing["listing-".Length..], System.Globalization.CultureInfo.InvariantCulture);

    private static int HashOf(int version, int piece) => unchecked((version * 1_000_003) ^ (piece * 2_654_435 + 17));
}
