using System.Globalization;
using System.Text;

namespace DatasetCache.Datasets;

/// <summary>Reads <see cref="DatasetIdentity.Canonical"/> back: an entry's record holds it, and who heals the entry needs the identity itself.</summary>
internal static class IdentityText
{
    /// <summary>Null where the text is no identity of this version's making.</summary>
    public static DatasetIdentity? Parse(string canonical)
    {
        var fields = Fields(Encoding.UTF8.GetBytes(canonical));
        if (fields?.GetValueOrDefault("origin") is not { } origin || fields.GetValueOrDefault("prefix") is not { } prefix || fields.GetValueOrDefault("selection") is not { } selection)
            return null;
        try
        {
            var dataset = new DatasetRef { SnapshotId = fields.GetValueOrDefault("snapshot"), VersionHash = fields.GetValueOrDefault("hash"), Selection = SelectionOf(selection) };
            var identity = DatasetIdentity.Create(origin, prefix, dataset, fields.GetValueOrDefault("content"));
            return string.Equals(identity.Canonical, canonical, StringComparison.Ordinal) ? identity : null;
        }
        catch (Exception e) when (e is InvalidRequestException or ArgumentException)
        {
            return null;
        }
    }

    private static Selection SelectionOf(string canonical)
    {
        var lines = canonical.Split('\n');
        return new Selection
        {
            Mode = lines[0] switch { "auto" => SelectionMode.Auto, "annotated" => SelectionMode.Annotated, _ => SelectionMode.All },
            Include = [.. lines.Where(line => line.StartsWith('+')).Select(line => line[1..])],
            Exclude = [.. lines.Where(line => line.StartsWith('-')).Select(line => line[1..])],
        };
    }

    // "field -" or "field LENGTH:value", the length in bytes: a value may hold newlines.
    private static Dictionary<string, string?>? Fields(ReadOnlySpan<byte> text)
    {
        var fields = new Dictionary<string, string?>(StringComparer.Ordinal);
        var rest = text[(text.IndexOf((byte)'\n') + 1)..];
        while (rest.Length > 0)
        {
            var space = rest.IndexOf((byte)' ');
            if (space < 0)
                return null;
            var name = Encoding.UTF8.GetString(rest[..space]);
            rest = rest[(space + 1)..];
            if (rest.StartsWith("-\n"u8))
            {
                fields[name] = null;
                rest = rest[2..];
                continue;
            }
            var colon = rest.IndexOf((byte)':');
            if (colon < 0 || !int.TryParse(rest[..colon], NumberStyles.None, CultureInfo.InvariantCulture, out var length) || length >= rest.Length - colon - 1)
                return null;
            fields[name] = Encoding.UTF8.GetString(rest.Slice(colon + 1, length));
            rest = rest[(colon + length + 2)..];
        }
        return fields;
    }
}
