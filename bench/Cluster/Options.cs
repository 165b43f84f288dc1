using System.Globalization;
using DatasetCache.Bench.Cluster.Origin;

namespace DatasetCache.Bench.Cluster;

/// <summary>What is measured. Sizes in MiB.</summary>
internal sealed record Options
{
    private static readonly string[] Rivals = ["rclone", "nginx", "bittorrent"];

    public IReadOnlyList<string> What { get; init; } = [];

    public IReadOnlyList<int> Nodes { get; init; } = [2, 8, 16];

    public int Size { get; init; } = 32;

    public int FileSize { get; init; } = 16;

    public string Rate { get; init; } = "50mbit";

    /// <summary>Of the origin's link where it is the narrow one.</summary>
    public string OriginRate { get; init; } = "25mbit";

    public int Rounds { get; init; } = 1;

    public int Runs { get; init; } = 3;

    /// <summary>Nodes that are killed, one after the other.</summary>
    public int Kills { get; init; } = 2;

    /// <summary>Numbers of small files, for growth.</summary>
    public IReadOnlyList<int> Files { get; init; } = [100, 1000, 10_000, 100_000];

    /// <summary>Hosts that ask for these.</summary>
    public int Hosts { get; init; } = 2;

    /// <summary>How the origin answers.</summary>
    public Pace Pace { get; init; } = Pace.None;

    /// <summary>Whom ours is raced against: what their names begin with.</summary>
    public IReadOnlyList<string> Against { get; init; } = Rivals;

    /// <summary>Where pictures are drawn. Default: docs/pictures.</summary>
    public string Pictures { get; init; } = Path.Combine(Environment.GetEnvironmentVariable("BENCH_TOP") ?? ".", "docs/pictures");

    /// <summary>What a race has where nothing else is said.</summary>
    public static Options OfRace { get; } = new() { Nodes = [1, 2, 4, 8, 16], Size = 64, Rounds = 5, What = [] };

    public static Options Parse(IEnumerable<string> arguments)
    {
        var isRace = arguments.FirstOrDefault() is "race";
        var options = isRace ? OfRace : new Options();
        var rest = new Queue<string>(isRace ? arguments.Skip(1) : arguments);
        while (rest.TryDequeue(out var argument))
        {
            options = argument switch
            {
                "--nodes" => options with { Nodes = [.. Value().Split(',').Select(Number)] },
                "--size" => options with { Size = Number(Value()) },
                "--file-size" => options with { FileSize = Number(Value()) },
                "--rate" => options with { Rate = Value() },
                "--origin-rate" => options with { OriginRate = Value() },
                "--rounds" => options with { Rounds = Number(Value()) },
                "--runs" => options with { Runs = Number(Value()) },
                "--kills" => options with { Kills = Number(Value()) },
                "--files" => options with { Files = [.. Value().Split(',').Select(Number)] },
                "--hosts" => options with { Hosts = Number(Value()) },
                "--first-byte" => options with { Pace = options.Pace with { FirstByte = TimeSpan.FromMilliseconds(Number(Value())) } },
                "--per-connection" => options with { Pace = options.Pace with { BytesASecond = Number(Value()) * 1e6 } },
                "--against" => options with { Against = [.. Value().Split(',').Select(Rival)] },
                "--pictures" => options with { Pictures = Value() },
                "fanout" or "growth" when isRace => options with { What = [.. options.What, "race " + argument] },
                "fanout" or "narrow" or "origin" or "late" or "warm" or "kill" or "rest" when !isRace => options with { What = [.. options.What, argument] },
                _ => throw new FormatException($"'{argument}' is not known."),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new FormatException($"{argument} wants a value.");
        }
        return options.What.Count > 0 ? options : options with { What = isRace ? ["race fanout", "race growth"] : ["fanout", "narrow", "origin", "late", "warm", "kill", "rest"] };

        static string Rival(string name) => Rivals.Contains(name) ? name : throw new FormatException($"--against: '{name}' is none of {string.Join(", ", Rivals)}.");

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }
}
