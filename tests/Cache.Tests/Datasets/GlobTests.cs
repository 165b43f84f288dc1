using System.Diagnostics;
using DatasetCache.Datasets;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class GlobTests
{
    [Theory]
    // Without '/', the name at any depth.
    [InlineData("*.jpg", "a.jpg b/c.jpg b/.jpg", "a.JPG a.jpg/b a.jpgx")]
    [InlineData("README.md", "README.md d/README.md", "readme.md README.md/x xREADME.md")]
    [InlineData("**", "a a/b a/b/c", "")]
    [InlineData("a**c", "ac abc x/abbc", "ab/c a/c")]
    // A '/' ties to the root.
    [InlineData("/README.md", "README.md", "d/README.md")]
    [InlineData("images/*.jpg", "images/a.jpg images/.jpg", "x/images/a.jpg images/b/a.jpg images/a.png")]
    [InlineData("/images/*", "images/a", "images/a/b a")]
    // ** across parts.
    [InlineData("**/a.jpg", "a.jpg x/a.jpg x/y/a.jpg", "xa.jpg x/ba.jpg a.jpg/x")]
    [InlineData("images/**/a.jpg", "images/a.jpg images/x/a.jpg images/x/y/a.jpg", "imagesa.jpg a.jpg images/xa.jpg")]
    [InlineData("images/**", "images/a images/a/b", "images images2/a x/images/a")]
    [InlineData("/**", "a a/b", "")]
    [InlineData("a/**b/c", "a/b/c a/x/yb/c", "a/c ab/c")]
    [InlineData("a/x**/c", "a/x/c a/xy/z/c a/x/y/c", "a/c")]
    // Below a directory.
    [InlineData("labels/", "labels/a x/labels/a x/labels/y/a", "labels xlabels/a labels2/a")]
    [InlineData("/labels/", "labels/a labels/x/y", "x/labels/a labels")]
    [InlineData("a/b/", "a/b/c a/b/c/d", "a/b x/a/b/c a/bc")]
    [InlineData("**/", "a/b a/b/c", "a")]
    [InlineData("a/**/", "a/b/c a/b/c/d", "a/b a")]
    // One character, classes.
    [InlineData("?.txt", "a.txt x/é.txt 😀.txt", "ab.txt .txt")]
    [InlineData("a?b/c", "axb/c", "a/b/c")]
    [InlineData("[a-cx]", "a b c x", "d - ab")]
    [InlineData("[!a-c]x", "dx -x", "ax x")]
    [InlineData("[^a]", "b ^", "a")]
    [InlineData("[]a]", "] a", "b")]
    [InlineData("[!]a]", "b", "] a")]
    [InlineData("[a-]", "a -", "b")]
    [InlineData("[\\]\\-z]", "] - z", "a \\")]
    [InlineData("[😀-😂]", "😁", "a")]
    [InlineData("x/[!a]b", "x/cb", "x/ab x//b")]
    // Alternatives.
    [InlineData("*.{jpg,png}", "a.jpg b/c.png", "a.gif a.jpg,png")]
    [InlineData("{a,b{c,d}e,}x", "ax bcex bdex x", "bex bcx a")]
    [InlineData("{train,val}/**/*.jpg", "train/a.jpg val/x/y.jpg", "test/a.jpg xtrain/a.jpg")]
    [InlineData("data{/a,}/b", "data/a/b data/b", "dataa/b")]
    [InlineData("{**/x,y}/z", "x/z a/x/z y/z", "a/y/z")]
    [InlineData("{a}", "a", "{a}")]
    [InlineData("a,b", "a,b", "a b")]
    // Literal.
    [InlineData("\\*\\[\\{\\}\\?\\,", "*[{}?,", "a")]
    [InlineData("a.b+c(d)$", "a.b+c(d)$", "axb+c(d)$")]
    public void It_matches(string pattern, string matching, string others)
    {
        var glob = Glob.Parse(pattern);
        Assert.All(matching.Split(' ', StringSplitOptions.RemoveEmptyEntries), path => Assert.True(glob.IsMatch(path), $"{pattern} should match {path}"));
        Assert.All(others.Split(' ', StringSplitOptions.RemoveEmptyEntries), path => Assert.False(glob.IsMatch(path), $"{pattern} should not match {path}"));
    }

    [Theory]
    [InlineData("", 1)]
    [InlineData("/", 1)]
    [InlineData("images/[abc", 8)]
    [InlineData("[]", 1)]
    [InlineData("[a\\", 1)]
    [InlineData("[a/b]", 3)]
    [InlineData("x[z-a]", 3)]
    [InlineData("a{b,{c}", 2)]
    [InlineData("ab}", 3)]
    [InlineData("a\\", 2)]
    [InlineData("a//b", 3)]
    [InlineData("//a", 2)]
    [InlineData("a//", 3)]
    [InlineData("./a", 1)]
    [InlineData("a/../b", 3)]
    [InlineData("..", 1)]
    [InlineData("a\nb", 2)]
    [InlineData("{/a,b}/c", 2)]
    public void A_broken_pattern_says_where(string pattern, int position)
    {
        var error = Assert.Throws<InvalidRequestException>(() => Glob.Parse(pattern));
        Assert.Contains($"at character {position}:", error.Message);
        Assert.DoesNotContain(error.Message, char.IsControl);
    }

    [Fact]
    public void A_pattern_that_is_not_Unicode_is_refused() =>
        Assert.Contains("at character 2:", Assert.Throws<InvalidRequestException>(() => Glob.Parse("a\uD800")).Message);

    [Fact]
    public void A_pattern_that_would_backtrack_for_ever_takes_linear_time()
    {
        var path = string.Join('/', Enumerable.Repeat(new string('a', 200), 19)) + "/b";
        foreach (var pattern in new[] { "/" + string.Concat(Enumerable.Repeat("**/*a*", 100)) + "c", string.Concat(Enumerable.Repeat("{a,*}", 150)) + "/c", "/" + new string('{', 300) + "a" + new string('}', 300) + "**c" })
        {
            var started = Stopwatch.GetTimestamp();
            Assert.False(Glob.Parse(pattern).IsMatch(path));
            // 4,000 characters times 1,000 states; backtracking would outlive the universe.
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(30));
        }
        Assert.Throws<InvalidRequestException>(() => Glob.Parse(new string('*', 1001)));
    }

    [Fact]
    public void It_agrees_with_a_matcher_that_tries_everything()
    {
        var patterns = Gen.ArrayOf(Gen.Elements("a", "b", "*", "**", "?", "/", "{", ",", "}", "[ab]", "[!a]")).Select(string.Concat);
        var paths = Gen.ArrayOf(Gen.Elements("a", "b", "/", "a/", "b/")).Select(pieces => string.Concat(pieces).Trim('/'));
        var tried = 0;
        Prop.ForAll(patterns.ToArbitrary(), paths.ToArbitrary(), (pattern, path) =>
        {
            // Trying everything takes for ever where many alternatives multiply.
            if (pattern.Count(c => c == ',') > 8)
                return true;
            Glob glob;
            try
            {
                glob = Glob.Parse(pattern);
            }
            catch (InvalidRequestException)
            {
                return true;
            }
            tried++;
            return glob.IsMatch(path) == Naive.IsMatch(pattern, path);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(5000));
        Assert.True(tried > 500, $"{tried}");
    }

    /// <summary>Expands alternatives as text, then matches by trying. Alternatives change what stands at a part's edge, so ** is read before.</summary>
    private static class Naive
    {
        public static bool IsMatch(string pattern, string path)
        {
            var below = pattern.EndsWith('/');
            var body = below ? pattern[..^1] : pattern;
            var nameOnly = !body.Contains('/') && !below;
            var text = Mark(body);
            if (!body.Contains('/') && below)
                text = "P" + text;
            if (text.StartsWith('/'))
                text = text[1..];
            if (below)
                text += "/E";
            return Expand(text).Distinct(StringComparer.Ordinal).Any(expanded => Try(expanded, nameOnly ? path[(path.LastIndexOf('/') + 1)..] : path, []));
        }

        // P: any directories or none. E: at least one character of anything. A: anything. S: anything in a part.
        private static string Mark(string body)
        {
            var result = "";
            var depth = 0;
            for (var i = 0; i < body.Length; i++)
            {
                depth += body[i] == '{' ? 1 : body[i] == '}' ? -1 : 0;
                if (body[i] != '*')
                {
                    result += body[i];
                    continue;
                }
                var start = i;
                while (i + 1 < body.Length && body[i + 1] == '*')
                    i++;
                var before = start == 0 ? '/' : body[start - 1];
                var starts = before == '/' || (depth > 0 && before is '{' or ',');
                if (i == start)
                    result += 'S';
                else if (starts && i + 1 < body.Length && body[i + 1] == '/')
                    (result, i) = (result + 'P', i + 1);
                else
                    result += starts && start > 0 && before == '/' && i + 1 == body.Length ? 'E' : 'A';
            }
            return result;
        }

        private static IEnumerable<string> Expand(string text)
        {
            var close = text.IndexOf('}');
            if (close < 0)
                return [text];
            var open = text.LastIndexOf('{', close);
            return text[(open + 1)..close].Split(',').SelectMany(choice => Expand(text[..open] + choice.Replace(',', '\u0001') + text[(close + 1)..]));
        }

        // What is left of both says all: each pair of rests is tried once.
        private static bool Try(string pattern, string path, Dictionary<(int, int), bool> tried)
        {
            if (!tried.TryGetValue((pattern.Length, path.Length), out var matches))
                tried[(pattern.Length, path.Length)] = matches = TryNow(pattern, path, tried);
            return matches;
        }

        private static bool TryNow(string pattern, string path, Dictionary<(int, int), bool> tried)
        {
            if (pattern.Length == 0)
                return path.Length == 0;
            var rest = pattern[1..];
            switch (pattern[0])
            {
                case 'P':
                    return Try(rest, path, tried) || Enumerable.Range(0, path.Length).Any(i => path[i] == '/' && Try(rest, path[(i + 1)..], tried));
                case 'E':
                    return Enumerable.Range(1, path.Length).Any(i => Try(rest, path[i..], tried));
                case 'A':
                    return Enumerable.Range(0, path.Length + 1).Any(i => Try(rest, path[i..], tried));
                case 'S':
                    return Enumerable.Range(0, path.Length + 1).Any(i => !path[..i].Contains('/') && Try(rest, path[i..], tried));
                case '?':
                    return path.Length > 0 && path[0] != '/' && Try(rest, path[1..], tried);
                case '[':
                    var end = pattern.IndexOf(']');
                    return path.Length > 0 && path[0] != '/' && (pattern[1] == '!' ? path[0] != 'a' : path[0] is 'a' or 'b') && Try(pattern[(end + 1)..], path[1..], tried);
                default:
                    return path.Length > 0 && path[0] == pattern[0] && Try(rest, path[1..], tried);
            }
        }
    }
}
