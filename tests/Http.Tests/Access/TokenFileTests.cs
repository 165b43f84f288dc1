using System.Net;
using System.Text;
using DatasetCache.Hosting.Node;
using DatasetCache.Http.Access;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Access;

public sealed class TokenFileTests
{
    private static readonly string Digest = "sha256:" + new string('a', 64);

    [Fact]
    public void Lines_are_read_with_comments_and_gaps_and_a_name_may_have_several_tokens()
    {
        var (old, young) = (ApiToken.New(), ApiToken.New());
        var tokens = TokenList.Parse(Encoding.UTF8.GetBytes($"# who may\n\n  {ApiToken.Line("rita", "reader", old)}  \r\n{ApiToken.Line("rita", "operator", young)}"));

        Assert.Equal((2, "rita", Role.Reader, Role.Operator), (tokens.Count, tokens.Find(old)!.Name, tokens.Find(old)!.Role, tokens.Find(young)!.Role));
        Assert.Null(tokens.Find(old[..^1] + "g"));
        Assert.Null(tokens.Find(""));
    }

    [Theory]
    [InlineData("rita reader", "name role sha256:HEX")]
    [InlineData("rita reader DIGEST more", "name role sha256:HEX")]
    [InlineData("rita owner DIGEST", "reader or operator")]
    [InlineData("node peer DIGEST", "cluster.secret")]
    [InlineData("ri/ta reader DIGEST", "the name")]
    [InlineData("rita reader sha256:abc", "64 hexadecimal")]
    [InlineData("rita reader dsc_canary", "64 hexadecimal")]
    public void A_line_that_is_none_is_named_by_its_number_and_never_shown(string line, string said)
    {
        var wrong = Assert.Throws<FormatException>(() => TokenList.Parse(Encoding.UTF8.GetBytes("# first\n" + line.Replace("DIGEST", Digest))));

        Assert.Contains("line 2: ", wrong.Message, StringComparison.Ordinal);
        Assert.Contains(said, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_changed_file_counts_at_once_and_ends_the_sessions_of_who_is_gone_from_it()
    {
        using var folder = new TempFolder();
        var (rita, otto) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        var (ritas, ottos) = (await ground.LogInAsync(rita), await ground.LogInAsync(otto));

        File.WriteAllText(folder["tokens"], ApiToken.Line("rita", "operator", rita) + "\n");
        var nina = AccessGround.AddToken(folder, "nina", "reader");
        ground.Clock.Pass(TimeSpan.FromSeconds(1));

        Assert.Equal("200, 200, 401", await StatusesAsync(ground, "/t/read", nina, rita, otto));
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/operator", headers: "Cookie: " + ritas)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + ottos)).Status);
        Assert.Contains("there are 2 now", ground.Log.All, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("rita reader dsc_canary\n")]
    [InlineData(null)]
    public async Task A_broken_file_keeps_the_tokens_from_before_and_is_told_of_once(string? text)
    {
        using var folder = new TempFolder();
        var rita = AccessGround.AddToken(folder, "rita", "reader");
        var before = File.ReadAllText(folder["tokens"]);
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        if (text is null)
            File.Delete(folder["tokens"]);
        else
            File.WriteAllText(folder["tokens"], text);
        for (var i = 0; i < 3; i++)
        {
            ground.Clock.Pass(TimeSpan.FromSeconds(1));
            Assert.Equal("200", await StatusesAsync(ground, "/t/read", rita));
        }
        Assert.Single(ground.Log.All.Split('\n'), line => line.Contains("those from before stay", StringComparison.Ordinal));
        Assert.DoesNotContain("canary", ground.Log.All, StringComparison.Ordinal);

        File.WriteAllText(folder["tokens"], before);
        var otto = AccessGround.AddToken(folder, "otto", "operator");
        ground.Clock.Pass(TimeSpan.FromSeconds(1));
        Assert.Equal("200, 200", await StatusesAsync(ground, "/t/read", rita, otto));
    }

    [Fact]
    public void A_file_that_everybody_may_write_is_no_file_of_tokens()
    {
        using var folder = new TempFolder();
        AccessGround.AddToken(folder, "rita", "reader");
        Assert.Null(TokenFile.Problem(folder["tokens"]));
        File.SetUnixFileMode(folder["tokens"], UnixFileMode.UserRead | UnixFileMode.OtherWrite);
        Assert.Contains("everybody on this host may write it", TokenFile.Problem(folder["tokens"]), StringComparison.Ordinal);
        Assert.Contains("no token", TokenFile.Problem(folder.Write("empty", "# nobody\n")), StringComparison.Ordinal);
        Assert.NotNull(TokenFile.Problem(folder["missing"]));
    }

    private static async Task<string> StatusesAsync(AccessGround ground, string path, params string[] tokens)
    {
        var statuses = new List<int>();
        foreach (var token in tokens)
            statuses.Add((int)(await ground.SendAsync("GET", path, token)).Status);
        return string.Join(", ", statuses);
    }
}
