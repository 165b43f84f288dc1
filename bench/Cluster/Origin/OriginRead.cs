using System.Globalization;

namespace DatasetCache.Bench.Cluster.Origin;

/// <summary>One GET of an object. Times are of the machine's monotonic clock, which all its processes share.</summary>
/// <param name="Client">Its IP address.</param>
/// <param name="Sent">Bytes of the body that were handed to the connection, from <paramref name="From"/> on; less than asked for where it was cut short.</param>
internal sealed record OriginRead(string Client, string Key, long From, long Asked, long Sent, long Started, long Ended)
{
    public long To => From + Sent;

    public bool IsWhole => Sent == Asked;

    public static OriginRead Parse(string line)
    {
        var fields = line.Split(' ');
        return new OriginRead(fields[0], fields[1], Number(2), Number(3), Number(4), Number(5), Number(6));

        long Number(int field) => long.Parse(fields[field], CultureInfo.InvariantCulture);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Client} {Key} {From} {Asked} {Sent} {Started} {Ended}");
}
