using System.Text;
using System.Text.RegularExpressions;

namespace DatasetCache.Http.Pages;

/// <summary>What all pages have in common: <c>frame.html</c> around what is a page's own, which begins with its title in a comment. A page's scripts are named at its head, so that a browser asks for all of them at once.</summary>
internal static partial class PageFrame
{
    public const string Name = "frame.html";

    /// <param name="name">The page's file, for example <c>cluster.html</c>; its script has the same name.</param>
    /// <param name="read">The content of a file of the pages.</param>
    public static byte[] Around(string name, Func<string, string> read)
    {
        var page = Path.GetFileNameWithoutExtension(name);
        var own = read(name);
        var title = Title().Match(own);
        if (!title.Success)
            throw new InvalidOperationException($"The page {name} does not begin with its title in a comment.");
        var modules = new SortedSet<string>(StringComparer.Ordinal);
        Collect(page + ".js", modules, read);
        return Encoding.UTF8.GetBytes(read(Name)
            .Replace("{title}", title.Groups["title"].Value, StringComparison.Ordinal)
            .Replace("{name}", page, StringComparison.Ordinal)
            .Replace("{current}", page is "cluster" ? " aria-current=\"page\"" : "", StringComparison.Ordinal)
            .Replace("{modules}", string.Join('\n', modules.Select(module => $"<link rel=\"modulepreload\" href=\"/ui/{module}\">")), StringComparison.Ordinal)
            .Replace("{content}", own[title.Length..].TrimEnd(), StringComparison.Ordinal));
    }

    private static void Collect(string script, SortedSet<string> modules, Func<string, string> read)
    {
        foreach (Match import in Import().Matches(read(script)))
        {
            if (modules.Add(import.Groups["file"].Value))
                Collect(import.Groups["file"].Value, modules, read);
        }
    }

    [GeneratedRegex(@"\A<!-- (?<title>[^\n]*?) -->\n", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Title();

    [GeneratedRegex(@" from '\./(?<file>[a-z]+\.js)';", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Import();
}
