using System.Globalization;

namespace DatasetCache.Bench.Cluster;

/// <summary>What is measured. Sizes in MiB.</summary>
internal sealed record Options
{
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

    /// <summary>How many of these nodes copy by rivals: N times the dataset goes through one link.</summary>
    public int RivalsUpTo { get; init; } = 8;

    public static Options Parse(IEnumerable<string> arguments)
    {
        var options = new Options();
        var rest = new Queue<string>(arguments);
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
                "--rivals-up-to" => options with { RivalsUpTo = Number(Value()) },
                "fanout" or "narrow" or "origin" or "late" or "warm" or "kill" => options with { What = [.. options.What, argument] },
                _ => throw new FormatException($"'{argument}' is not known."),
            };

            string Value() => rest.TryDequeue(out var value) ? value : throw new FormatException($"{argument} wants a value.");
        }
        return options.What.Count > 0 ? options : options with { What = ["fanout", "narrow", "origin", "late", "warm", "kill"] };

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }
}
