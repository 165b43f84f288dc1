using System.Globalization;
using System.Net;
using DatasetCache.Http.Access;
using DatasetCache.Testing;

namespace DatasetCache.Http.Tests.Access;

/// <summary>What a browser does, and what a foreign page has it do.</summary>
public sealed class BrowserTests : IAsyncLifetime
{
    private AccessGround ground = null!;

    public async ValueTask InitializeAsync() => ground = await AccessGround.StartAsync(new AccessOptions { Logins = new WriteLimit(5, TimeSpan.FromHours(1), 1) });

    public ValueTask DisposeAsync() => ground.DisposeAsync();

    [Fact]
    public async Task The_page_to_log_in_at_is_open_whole_in_itself_and_without_script()
    {
        var page = await ground.SendAsync("GET", "/login");

        Assert.Equal(HttpStatusCode.OK, page.Status);
        Assert.DoesNotContain("http", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page.Text, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page.Headers["Content-Security-Policy"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_gives_a_cookie_that_is_not_the_token_and_logging_out_ends_it()
    {
        var answered = await ground.SendAsync("POST", "/login?to=%2Ft%2Fread%3Fa%3D1", body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded", headers: "Sec-Fetch-Site: same-origin");
        var cookie = answered.Headers["Set-Cookie"];
        Assert.Equal((HttpStatusCode.SeeOther, "/t/read?a=1"), (answered.Status, answered.Headers["Location"]));
        Assert.All(["httponly", "samesite=strict", "path=/"], part => Assert.Contains(part, cookie, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain(ground.NodeToken, cookie, StringComparison.Ordinal);
        var sent = "Cookie: " + cookie.Split(';')[0];
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: sent)).Status);

        Assert.Equal(HttpStatusCode.SeeOther, (await ground.SendAsync("POST", "/logout", headers: [sent, "Sec-Fetch-Site: same-origin"])).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("GET", "/t/read", headers: sent)).Status);
    }

    [Fact]
    public async Task A_session_ends_after_half_a_day()
    {
        var cookie = "Cookie: " + await ground.LogInAsync(ground.NodeToken);
        ground.Clock.Pass(Sessions.Lifetime - TimeSpan.FromSeconds(1));
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: cookie)).Status);
        ground.Clock.Pass(TimeSpan.FromSeconds(2));
        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("GET", "/t/read", headers: cookie)).Status);
    }

    [Theory]
    [InlineData("//evil.example/")]
    [InlineData("/\\evil.example")]
    [InlineData("https://evil.example/")]
    [InlineData("evil")]
    [InlineData("/a\r\nSet-Cookie: x")]
    public async Task A_login_leads_to_no_other_place_than_this_node(string to)
    {
        var answered = await ground.SendAsync("POST", "/login?to=" + Uri.EscapeDataString(to), body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded");

        Assert.Equal("/", answered.Headers["Location"]);
    }

    [Fact]
    public async Task A_wrong_token_is_told_so_and_guessing_is_slowed_down()
    {
        for (var i = 0; i < 5; i++)
        {
            var wrong = await ground.SendAsync("POST", "/login", body: "token=guess", type: "application/x-www-form-urlencoded");
            Assert.Equal(HttpStatusCode.Unauthorized, wrong.Status);
            Assert.Contains("does not know this token", wrong.Text, StringComparison.Ordinal);
        }
        var slowed = await ground.SendAsync("POST", "/login", body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded");
        Assert.Equal("tooManyRequests", slowed.Code);
        Assert.True(int.Parse(slowed.Headers["Retry-After"], CultureInfo.InvariantCulture) > 1);
        // From another address it works on.
        var kept = await ground.AuditAsync();
        Assert.Equal(6 - 1, kept.Count(line => line.GetProperty("action").GetString() == "login"));
        Assert.All(kept, line => Assert.Equal("unauthorized", line.GetProperty("outcome").GetString()));
    }

    [Fact]
    public async Task A_page_asked_for_without_a_login_leads_to_it_and_back()
    {
        var page = await ground.SendAsync("GET", "/t/read?a=1", headers: "Accept: text/html,*/*");

        Assert.Equal((HttpStatusCode.SeeOther, "/login?to=%2Ft%2Fread%3Fa%3D1"), (page.Status, page.Headers["Location"]));
    }

    [Theory]
    [InlineData(403, "application/json")]
    [InlineData(403, "application/json", "Origin: http://evil.example")]
    [InlineData(403, "application/json", "Origin: null")]
    [InlineData(403, "application/json", "Sec-Fetch-Site: cross-site")]
    [InlineData(403, "application/json", "Sec-Fetch-Site: same-site", "Origin: SELF")]
    [InlineData(403, "text/plain", "Sec-Fetch-Site: same-origin")]
    [InlineData(403, "application/x-www-form-urlencoded", "Origin: SELF")]
    [InlineData(200, "application/json", "Sec-Fetch-Site: same-origin")]
    [InlineData(200, "application/json", "Origin: SELF")]
    public async Task What_a_cookie_lets_a_browser_change_comes_from_our_own_page_and_is_json(int expected, string type, params string[] headers)
    {
        var cookie = "Cookie: " + await ground.LogInAsync(ground.NodeToken);
        string[] sent = [cookie, .. headers.Select(header => header.Replace("SELF", ground.Url.GetLeftPart(UriPartial.Authority)))];
        var answered = await ground.SendAsync("POST", "/t/operate/x", body: "{}", type: type, headers: sent);

        Assert.Equal(expected, (int)answered.Status);
        if (expected == 403)
            Assert.Equal("crossSite", answered.Code);
        // With a token of its own a program says nothing of where it is.
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("POST", "/t/operate/x", ground.NodeToken, "{}", type)).Status);
    }

    [Fact]
    public async Task A_foreign_page_logs_nobody_in_or_out()
    {
        var cookie = "Cookie: " + await ground.LogInAsync(ground.NodeToken);
        Assert.Equal("crossSite", (await ground.SendAsync("POST", "/login", body: "token=" + ground.NodeToken, type: "application/x-www-form-urlencoded", headers: "Origin: http://evil.example")).Code);
        Assert.Equal("crossSite", (await ground.SendAsync("POST", "/logout", headers: [cookie, "Sec-Fetch-Site: cross-site"])).Code);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: cookie)).Status);
    }

    [Fact]
    [Trait("Fault", "27")]
    public async Task A_token_in_the_address_becomes_a_cookie_and_stands_in_no_log()
    {
        var first = await ground.SendAsync("GET", $"/t/read?a=1&token={ground.NodeToken}&b=2");
        Assert.Equal((HttpStatusCode.Found, "/t/read?a=1&b=2"), (first.Status, first.Headers["Location"]));
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/read", headers: "Cookie: " + first.Headers["Set-Cookie"].Split(';')[0])).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("GET", "/t/read?token=canary-guess")).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await ground.SendAsync("POST", "/t/operate/x?token=" + ground.NodeToken)).Status);
        await ground.LogInAsync(ground.NodeToken);

        // All that any category says at any level.
        Assert.Contains("Trace ", ground.Log.All, StringComparison.Ordinal);
        var kept = await ground.AuditAsync();
        foreach (var secret in new[] { ground.NodeToken, "canary-guess", first.Headers["Set-Cookie"].Split('=', ';')[1] })
        {
            Assert.DoesNotContain(secret, ground.Log.All, StringComparison.Ordinal);
            Assert.DoesNotContain(secret, string.Join('\n', kept), StringComparison.Ordinal);
        }
    }
}
