using System.Text;
using DatasetCache.Datasets;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace DatasetCache.Cache.Tests.Datasets;

public sealed class DatasetPathTests
{
    private const string Prefix = "datasets/ds_1/";

    [Theory]
    [InlineData("images/a.jpg")]
    [InlineData("a")]
    [InlineData("..a/...")]
    [InlineData(".hidden/ä 😀.txt")]
    [InlineData("odd ~'\"*?$|&;<>%2F:.txt")]
    [InlineData("replaced \uFFFD.txt")]
    public void A_decent_key_becomes_its_path_unchanged(string path)
    {
        Assert.Equal(path, DatasetPath.FromKey(Prefix + path, Prefix));
        Assert.Equal(path, DatasetPath.FromKey(path, ""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("images/")]
    [InlineData("a/b/c/")]
    [InlineData("../")]
    public void A_directory_marker_and_the_prefix_itself_are_skipped(string rest) => Assert.Null(DatasetPath.FromKey(Prefix + rest, Prefix));

    [Theory]
    [InlineData("")]
    [InlineData("images/")]
    public void A_directory_marker_that_holds_data_is_refused(string rest) =>
        Assert.Contains("holds data", Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(Prefix + rest, Prefix, size: 1)).Message);

    [Theory]
    [InlineData("../x", "part")]
    [InlineData("a/../../x", "part")]
    [InlineData("..", "part")]
    [InlineData(".", "part")]
    [InlineData("./a", "part")]
    [InlineData("a/./b", "part")]
    [InlineData("a/..", "part")]
    [InlineData("/etc/x", "absolute")]
    [InlineData("a//b", "empty part")]
    [InlineData("..\\x", "backslash")]
    [InlineData("a\nb", "\\u000A")]
    [InlineData("a\tb", "\\u0009")]
    [InlineData("a\0b", "\\u0000")]
    [InlineData("a\u007Fb", "\\u007F")]
    [InlineData("a\u0085b", "\\u0085")]
    [InlineData("a\u001B[31mb", "\\u001B")]
    public void Case_22_a_hostile_key_is_refused_and_named_on_one_printable_line(string rest, string expected)
    {
        foreach (var prefix in new[] { Prefix, "" })
        {
            var error = Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(prefix + rest, prefix));
            Assert.Contains(expected, error.Message);
            Assert.DoesNotContain(error.Message, char.IsControl);
            Assert.Contains(rest.Split('\\', '\n', '\t', '\0', '\u007F', '\u0085', '\u001B')[0], error.Message);
        }
    }

    [Fact]
    public void Case_22_a_key_that_has_no_UTF_8_form_is_refused()
    {
        foreach (var key in new[] { "a\uD800", "a\uDC00b", "\uDC00\uD800" })
            Assert.Contains("\\uD", Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(key, "")).Message);
    }

    [Fact]
    public void Case_22_lengths_count_in_bytes()
    {
        Assert.NotNull(DatasetPath.FromKey(new string('x', 255), ""));
        Assert.NotNull(DatasetPath.FromKey(new string('é', 127), ""));
        Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(new string('x', 256), ""));
        Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(new string('é', 128), ""));
        Assert.NotNull(DatasetPath.FromKey(string.Concat(Enumerable.Repeat("xxx/", 999)) + "xxxx", ""));
        Assert.Throws<IntegrityException>(() => DatasetPath.FromKey(string.Concat(Enumerable.Repeat("xxx/", 999)) + "xxxxx", ""));
    }

    [Fact]
    public void A_key_outside_the_prefix_is_refused() =>
        Assert.Throws<IntegrityException>(() => DatasetPath.FromKey("datasets/ds_2/a.jpg", Prefix));

    [Fact]
    public void Whatever_is_accepted_lies_below_the_root_and_is_the_key_itself()
    {
        var pieces = Gen.Elements("a", "..", ".", "/", "/", "\\", "\n", "\0", "é", "\uD800", "\U0001F600", "~", " ");
        Prop.ForAll(Gen.ArrayOf(pieces).Select(string.Concat).ToArbitrary(), key =>
        {
            string? path;
            try
            {
                path = DatasetPath.FromKey(Prefix + key, Prefix);
            }
            catch (IntegrityException)
            {
                return true;
            }
            if (path is null)
                return key.Length == 0 || key.EndsWith('/');
            var full = Path.GetFullPath(Path.Combine("/root/tree", path));
            return string.Equals(path, key, StringComparison.Ordinal) && string.Equals(full, "/root/tree/" + path, StringComparison.Ordinal)
                && string.Equals(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(path)), path, StringComparison.Ordinal);
        }).QuickCheckThrowOnFailure();
    }

    [Theory]
    [InlineData("a", "a/b")]
    [InlineData("a/b/c", "a/b/c/d/e")]
    [InlineData("x", "x")]
    public void Case_22_files_that_cannot_share_a_tree_are_refused(string one, string other)
    {
        var files = new[] { "a!", "a.txt", other, "a/0", one, "a-b/c", "w" }.Where(path => one is not ("a" or "a/b/c") || path is not "a/0");
        var list = files.Select(path => new ManifestFile(path, 1, "e")).ToList();
        Assert.Contains($"\"{one}\"", Assert.Throws<IntegrityException>(() => DatasetPath.RefuseConflicts(list)).Message);
        Assert.Throws<IntegrityException>(() => DatasetPath.RefuseConflicts(new Manifest(list).Files));
        list.RemoveAll(file => string.Equals(file.Path, one, StringComparison.Ordinal));
        DatasetPath.RefuseConflicts(list);
    }

    [Theory]
    [InlineData("Cat/1.jpg", "cat/2.jpg")]
    [InlineData("É.txt", "é.txt")]
    [InlineData("a/B", "A/b/c")]
    public void Case_22_case_twins_are_refused_only_where_the_disk_ignores_case(string one, string other)
    {
        ManifestFile[] files = [new(one, 1, "e"), new("between/cat", 1, "e"), new(other, 1, "e")];
        DatasetPath.RefuseConflicts(files);
        Assert.Throws<IntegrityException>(() => DatasetPath.RefuseConflicts(files, diskIgnoresCase: true));
        DatasetPath.RefuseConflicts([files[0], files[1]], diskIgnoresCase: true);
    }
}
