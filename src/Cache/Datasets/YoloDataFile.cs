using System.Globalization;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace DatasetCache.Datasets;

/// <summary>
/// A YOLO <c>data.yaml</c>: where the images of each split are. YamlDotNet is named in this file only, so that it loads when one is read and never before.
/// It reads events, not a tree: nesting without end then costs no stack.
/// </summary>
internal sealed record YoloDataFile(string? Path, IReadOnlyList<YoloSplit> Splits)
{
    /// <returns>Null where this is YAML, but names no split.</returns>
    /// <exception cref="IntegrityException">Broken YAML, or a split that is neither text nor a list of texts; with line and column.</exception>
    public static YoloDataFile? Read(string file, Stream stream)
    {
        try
        {
            using var text = new StreamReader(stream, new UTF8Encoding(false, throwOnInvalidBytes: true));
            return Read(file, new Parser(text));
        }
        catch (YamlException e)
        {
            throw Broken(file, e.Start, e.InnerException?.Message ?? e.Message, e);
        }
        catch (DecoderFallbackException e)
        {
            throw new IntegrityException($"{PrintableText.Quote(file)} cannot be read: it is not UTF-8.", Advice, e);
        }
    }

    private const string Advice = "Mend it at the origin, or take the whole dataset with --select all.";

    private static YoloDataFile? Read(string file, Parser parser)
    {
        parser.Consume<StreamStart>();
        if (!parser.TryConsume<DocumentStart>(out _) || !parser.TryConsume<MappingStart>(out _))
            return null;
        string? path = null;
        var splits = new SortedDictionary<int, YoloSplit>();
        var anchors = new Dictionary<string, IReadOnlyList<string>>(StringComparer.Ordinal);
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.Accept<Scalar>(out var key))
            {
                parser.SkipThisAndNestedEvents();
                parser.SkipThisAndNestedEvents();
                continue;
            }
            parser.MoveNext();
            switch (key.Value)
            {
                case "path":
                    path = Entries(file, parser, anchors) is [var only, ..] ? only : null;
                    break;
                case "train":
                    splits[0] = new("train", Entries(file, parser, anchors), IsOptional: false);
                    break;
                case "val" or "validation":
                    splits[1] = new("val", Entries(file, parser, anchors), IsOptional: false);
                    break;
                // Exporters write a test split whether there is one or not, and Ultralytics does not look.
                case "test":
                    splits[2] = new("test", Entries(file, parser, anchors), IsOptional: true);
                    break;
                default:
                    parser.SkipThisAndNestedEvents();
                    break;
            }
        }
        // The rest too: half a file is a broken file.
        while (parser.MoveNext())
            continue;
        return splits.Values.Any(split => split.Entries.Count > 0) ? new YoloDataFile(path, [.. splits.Values]) : null;
    }

    private static IReadOnlyList<string> Entries(string file, Parser parser, Dictionary<string, IReadOnlyList<string>> anchors)
    {
        if (parser.TryConsume<AnchorAlias>(out var alias))
            return anchors.TryGetValue(alias.Value.Value, out var known) ? known : throw Broken(file, alias.Start, $"the alias {PrintableText.Quote(alias.Value.Value)} is not known here");
        var node = parser.Accept<NodeEvent>(out var start) ? start : null;
        List<string> entries = [];
        if (parser.TryConsume<Scalar>(out var scalar))
        {
            Add(scalar);
        }
        else if (parser.TryConsume<SequenceStart>(out _))
        {
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                if (parser.TryConsume<Scalar>(out var item))
                    Add(item);
                else
                    throw Broken(file, parser.Current!.Start, "a split is a folder, a file list, or a list of such");
            }
        }
        else
        {
            throw Broken(file, parser.Current!.Start, "a split is a folder, a file list, or a list of such");
        }
        if (node is { Anchor.IsEmpty: false })
            anchors[node.Anchor.Value] = entries;
        return entries;

        void Add(Scalar item)
        {
            var isNull = item.Style == ScalarStyle.Plain && item.Value is "" or "~" or "null" or "Null" or "NULL";
            if (!isNull && item.Value.Length > 0)
                entries.Add(item.Value);
        }
    }

    private static IntegrityException Broken(string file, Mark at, string what, Exception? inner = null) => new(
        string.Create(CultureInfo.InvariantCulture, $"{PrintableText.Quote(file)} cannot be read: line {at.Line}, column {at.Column}: {what}."), Advice, inner);
}

/// <summary>One of train, val, test, with the folders and file lists that it names. An optional one may name what is not there.</summary>
internal sealed record YoloSplit(string Name, IReadOnlyList<string> Entries, bool IsOptional);
