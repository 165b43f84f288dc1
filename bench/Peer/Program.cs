// race [ROUNDS]               everything, in turn, round by round (default 5 rounds)
// serve DIR PORT [tls]        a node's data plane over DIR; ends with its input, says its CPU seconds for every line of it
// read ENDPOINT WAY DIR       commands from its input, one answer a line: see Reader
using System.Globalization;
using DatasetCache.Bench.Peer;

switch (args)
{
    case ["race", .. var rest]:
        return await Race.RunAsync(rest.Length > 0 ? int.Parse(rest[0], CultureInfo.InvariantCulture) : 5) ? 0 : 1;
    case ["serve", var folder, .. var rest]:
        await Sender.RunAsync(folder, rest is ["tls"]);
        return 0;
    case ["read", var endpoint, var nginx, var folder, .. var rest]:
        await Reader.RunAsync(endpoint, nginx, folder, rest is ["tls"]);
        return 0;
    default:
        Console.Error.WriteLine("peer: race [ROUNDS] | serve FOLDER [tls] | read ENDPOINT NGINX FOLDER [tls]");
        return 2;
}
