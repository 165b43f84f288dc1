using System.Globalization;
using System.Net;

namespace DatasetCache.Http.Serving;

/// <summary>Reads where to listen as people write it: <c>127.0.0.1:4680</c>, <c>[::]:4680</c>, <c>10.1.0.7</c>, <c>http://localhost:4680</c>.</summary>
/// <param name="Port">Null where none is named.</param>
/// <param name="IsHttps">Null where no scheme is named.</param>
internal readonly record struct ListenAddress(IPAddress Address, int? Port, bool? IsHttps)
{
    public const string Expected = "an address of this host, with or without a port, such as 127.0.0.1:4680, [::1]:4680, 10.1.0.7 or http://127.0.0.1:4680";

    public static bool TryParse(string text, out ListenAddress parsed)
    {
        parsed = default;
        bool? isHttps = null;
        var rest = text.Trim();
        foreach (var (scheme, secure) in ((string, bool)[])[("http://", false), ("https://", true)])
        {
            if (rest.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
                (rest, isHttps) = (rest[scheme.Length..].TrimEnd('/'), secure);
        }
        // IPEndPoint takes the last group of a bare IPv6 address for what it is: without brackets there is no port.
        var colon = rest.LastIndexOf(':');
        var hasPort = colon >= 0 && (!rest[..colon].Contains(':', StringComparison.Ordinal) || rest[colon - 1] == ']');
        int? port = null;
        if (hasPort)
        {
            if (!int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number > 65535)
                return false;
            (port, rest) = (number, rest[..colon]);
        }
        if (rest.StartsWith('[') && rest.EndsWith(']'))
            rest = rest[1..^1];
        IPAddress? address;
        if (rest.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            address = IPAddress.Loopback;
        else if (rest is "*" or "+")
            address = IPAddress.IPv6Any;
        else if (!IPAddress.TryParse(rest, out address))
            return false;
        parsed = new ListenAddress(address, port, isHttps);
        return true;
    }
}
