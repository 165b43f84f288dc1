using Microsoft.Playwright;

[assembly: AssemblyFixture(typeof(DatasetCache.Pages.Tests.Browser))]

namespace DatasetCache.Pages.Tests;

internal static class FakeVisits
{
    /// <summary>Opens a page over a cluster that exists only as its answers.</summary>
    /// <param name="at">The time on the page, which then stands still; null for the machine's.</param>
    public static Task<Visit> OpenAsync(this Browser browser, FakeApi api, string path = "/", ColorScheme scheme = ColorScheme.Light, int width = 1440, int height = 900, DateTimeOffset? at = null)
        => browser.OpenAsync(api.Url, path, scheme, width, height, at);
}
