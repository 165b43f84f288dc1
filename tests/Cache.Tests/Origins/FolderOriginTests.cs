using System.Diagnostics;
using System.Text;
using DatasetCache.Origins;
using DatasetCache.Testing;
using Xunit;

namespace DatasetCache.Cache.Tests.Origins;

public sealed class FolderOriginTests : IDisposable
{
    private readonly TempFolder folder = new();
    private readonly FolderOrigin origin;

    public FolderOriginTests() => origin = new FolderOrigin(folder.Path);

    public void Dispose()
    {
        origin.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Every_file_is_listed_by_its_path_below_the_folder_and_read_back()
    {
        string[] keys = ["a.txt", "d/b.txt", "d/e/ü \U0001F600.txt", "d/.hidden", "new\nline", "back\\slash"];
        foreach (var key in keys)
            folder.Write(key, "content of " + key);
        folder.CreateDirectory("empty");

        var listed = await origin.ListAllAsync();

        Assert.Equal(keys.Order(StringComparer.Ordinal), listed.Select(o => o.Key).Order(StringComparer.Ordinal));
        foreach (var found in listed)
        {
            var content = Encoding.UTF8.GetBytes("content of " + found.Key);
            Assert.Equal(content.Length, found.Size);
            Assert.Equal(content, await origin.ReadAllAsync(found));
            Assert.Equal(content[3..6], await origin.ReadAllAsync(found, 3, 3));
        }
    }

    [Fact]
    public async Task A_prefix_lists_what_is_below_it_alone()
    {
        folder.Write("datasets/one/a", "1");
        folder.Write("datasets/one-more/a", "1");
        Assert.Equal("datasets/one/a", Assert.Single(await origin.ListAllAsync("datasets/one/")).Key);
        Assert.Empty(await origin.ListAllAsync("datasets/none/"));
        Assert.Empty(await origin.ListAllAsync("datasets/one/a/"));
    }

    [Fact]
    public async Task Links_to_files_and_folders_are_followed_and_circles_end()
    {
        folder.Write("real/a.txt", "1");
        File.CreateSymbolicLink(folder["link.txt"], folder["real/a.txt"]);
        Directory.CreateSymbolicLink(folder["linked"], folder["real"]);
        Directory.CreateSymbolicLink(folder["real/up"], folder.Path);
        Directory.CreateSymbolicLink(folder["real/self"], folder["real"]);

        var listed = await origin.ListAllAsync();

        Assert.Equal(["link.txt", "linked/a.txt", "real/a.txt"], listed.Select(o => o.Key).Order(StringComparer.Ordinal));
        Assert.Equal("1", Encoding.UTF8.GetString(await origin.ReadAllAsync(listed.Single(o => o.Key == "link.txt"))));
    }

    [Fact]
    public async Task A_link_to_nothing_is_an_error_that_names_it()
    {
        File.CreateSymbolicLink(folder["dangling"], folder["none"]);
        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ListAllAsync());
        Assert.Equal(OriginFailure.NotFound, error.Failure);
        Assert.Contains(folder["dangling"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_neither_file_nor_folder_is_passed_over()
    {
        folder.Write("a", "1");
        Run("mkfifo", folder["pipe"]);
        Assert.Equal("a", Assert.Single(await origin.ListAllAsync()).Key);
    }

    [Fact]
    public async Task A_name_that_is_not_UTF8_is_refused_and_its_folder_named()
    {
        folder.CreateDirectory("bad");
        Run("bash", "-c", "touch \"$1\"/$'caf\\xe9.txt'", "_", folder["bad"]);
        var error = await Assert.ThrowsAsync<IntegrityException>(() => origin.ListAllAsync());
        Assert.Contains(folder["bad"], error.Message, StringComparison.Ordinal);
        // .NET cannot even delete it.
        Run("rm", "-r", folder["bad"]);
    }

    [Fact]
    public async Task A_name_with_a_true_replacement_character_is_no_error()
    {
        folder.Write("caf\uFFFD", "1");
        Assert.Equal("caf\uFFFD", Assert.Single(await origin.ListAllAsync()).Key);
    }

    [Theory]
    [InlineData("rewritten")]
    [InlineData("replaced")]
    [InlineData("touched")]
    public async Task A_file_that_is_another_version_has_changed(string how)
    {
        var path = folder.Write("a", "12345");
        var listed = Assert.Single(await origin.ListAllAsync());
        switch (how)
        {
            case "rewritten":
                File.WriteAllText(path, "123456");
                break;
            case "replaced":
                // Same size, same time: the inode tells.
                var time = File.GetLastWriteTimeUtc(path);
                folder.Write("b", "54321");
                File.Move(folder["b"], path, overwrite: true);
                File.SetLastWriteTimeUtc(path, time);
                break;
            default:
                File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddTicks(1));
                break;
        }
        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(listed));
        Assert.Equal(OriginFailure.Changed, error.Failure);
        Assert.Equal("a", error.ObjectKey);
    }

    [Fact]
    public async Task A_file_that_is_written_to_while_it_is_read_has_changed()
    {
        var path = folder.Write("a", new byte[100]);
        var listed = Assert.Single(await origin.ListAllAsync());
        await using var body = await origin.OpenReadAsync(listed, 0, 100, CancellationToken.None);
        Assert.Equal(50, await body.ReadAsync(new byte[50], CancellationToken.None));
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddSeconds(1));

        var error = await Assert.ThrowsAsync<OriginException>(async () => await body.ReadAsync(new byte[50], CancellationToken.None));

        Assert.Equal(OriginFailure.Changed, error.Failure);
    }

    [Fact]
    public async Task A_file_that_is_gone_is_not_found()
    {
        File.Delete(folder.Write("a", "1"));
        var error = await Assert.ThrowsAsync<OriginException>(() => origin.ReadAllAsync(new OriginObject("a", 1, "e")));
        Assert.Equal(OriginFailure.NotFound, error.Failure);
    }

    [Fact]
    public async Task A_folder_that_is_not_there_is_not_found_and_named()
    {
        using var missing = new FolderOrigin(folder["none"]);
        var error = await Assert.ThrowsAsync<OriginException>(() => missing.ListAllAsync());
        Assert.Equal(OriginFailure.NotFound, error.Failure);
        Assert.Contains(folder["none"], error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../a")]
    [InlineData("/etc/passwd")]
    [InlineData("d/../../a")]
    public async Task A_key_that_leads_out_of_the_folder_is_refused(string key) =>
        await Assert.ThrowsAsync<IntegrityException>(() => origin.ReadAllAsync(new OriginObject(key, 1, "e")));

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
