using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

/// <summary>Debian's chromium, one for all tests; each test has a context of its own. Where there is none the tests skip.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] Places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    // Milliseconds; a machine may have much else to do.
    private const int Patience = 30_000;

    private IPlaywright? playwright;
    private IBrowser? browser;

    public static string? Program { get; } = Array.Find(Places, File.Exists);

    public async ValueTask InitializeAsync()
    {
        if (Program is null)
            return;
        Assertions.SetDefaultExpectTimeout(Patience);
        playwright = await Playwright.CreateAsync();
        browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Program, Args = Arguments });
    }

    /// <summary>Without a sandbox, which root and most containers cannot have; the pages are our own.</summary>
    internal static string[] Arguments { get; } = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];

    /// <summary>A page that no script error, refused resource or dialog goes unseen on.</summary>
    /// <param name="at">The time on the page, which then stands still; null for the machine's.</param>
    internal async Task<Visit> OpenAsync(string url, string path = "/", ColorScheme scheme = ColorScheme.Light, int width = 1440, int height = 900, DateTimeOffset? at = null)
    {
        Assert.SkipWhen(browser is null, "There is no chromium: apt-get install chromium");
        var context = await browser.NewContextAsync(new BrowserNewContextOptions
        {
            BaseURL = url,
            ColorScheme = scheme,
            ViewportSize = new ViewportSize { Width = width, Height = height },
            ReducedMotion = ReducedMotion.Reduce,
        });
        context.SetDefaultTimeout(Patience);
        var visit = new Visit(context, await context.NewPageAsync());
        if (at is { } time)
            await visit.Page.Clock.SetFixedTimeAsync(time.UtcDateTime);
        await visit.Page.GotoAsync(path);
        return visit;
    }

    public async ValueTask DisposeAsync()
    {
        if (browser is not null)
            await browser.DisposeAsync();
        playwright?.Dispose();
    }
}

/// <summary>Somebody who looks at a page.</summary>
internal sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext context;
    private readonly List<string> complaints = [];

    public Visit(IBrowserContext context, IPage page)
    {
        (this.context, Page) = (context, page);
        page.PageError += (_, error) => Complain(error);
        page.Console += (_, message) =>
        {
            // What a test refuses on purpose the browser calls an error, too.
            if (message.Type is "error" && !message.Text.StartsWith("Failed to load resource", StringComparison.Ordinal))
                Complain(message.Text);
        };
        page.Dialog += (_, dialog) =>
        {
            Complain("a script opened a dialog: " + dialog.Message);
            _ = dialog.DismissAsync();
        };
    }

    public IPage Page { get; }

    /// <summary>Begins the paths of pages that are not ours, whose scripts complain as they like; null for none.</summary>
    public string? Foreign { get; set; }

    private void Complain(string what)
    {
        if (Foreign is not { } foreign || !new Uri(Page.Url).AbsolutePath.StartsWith(foreign, StringComparison.Ordinal))
            complaints.Add($"{new Uri(Page.Url).AbsolutePath}: {what}");
    }

    /// <summary>A cell of the matrix.</summary>
    public ILocator Cell(string key, string node) => Page.GetByRole(AriaRole.Gridcell, new PageGetByRoleOptions { Name = $"{key} on {node}:" });

    public ILocator Button(string name) => Page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = name, Exact = true });

    public ILocator Dialog => Page.GetByRole(AriaRole.Dialog);

    public ILocator News => Page.Locator("#news");

    /// <summary>Where it asks who one is.</summary>
    public async Task LogInAsync(string token)
    {
        await Page.GetByLabel("Token").FillAsync(token);
        await Button("Log in").ClickAsync();
        await Expect(Page.Locator("#connection")).ToHaveTextAsync("Live");
    }

    /// <summary>Keeps a picture of what is in sight in the folder <c>DSCACHE_TEST_PICTURES</c>, if there is one, for people to look at.</summary>
    public async Task PictureAsync(string name)
    {
        if (Environment.GetEnvironmentVariable("DSCACHE_TEST_PICTURES") is { Length: > 0 } folder)
            await Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, name + ".png") });
    }

    public ILocatorAssertions Expect(ILocator locator) => Assertions.Expect(locator);

    public async ValueTask DisposeAsync()
    {
        await context.DisposeAsync();
        Assert.Empty(complaints);
    }
}
