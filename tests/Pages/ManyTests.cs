using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

/// <summary>1,000 datasets on 50 nodes: what is in the document and what is touched stays small. How long it takes `bench/run pages` measures.</summary>
public sealed class ManyTests(Browser browser)
{
    [Fact]
    public async Task Only_what_is_in_sight_is_in_the_document_and_only_what_changes_is_touched()
    {
        var cluster = FakeCluster.Large(TimeProvider.System, datasets: 1000, nodes: 50, density: 30);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, at: cluster.Now);
        await visit.Expect(visit.Page.Locator("#shown")).ToHaveTextAsync("1,000");
        Assert.InRange(await visit.Page.EvaluateAsync<int>("document.querySelectorAll('*').length"), 1000, 8000);

        var last = cluster.Datasets.Last();
        await visit.Page.Locator("#grid").FocusAsync();
        await visit.Page.Keyboard.PressAsync("Control+End");
        await visit.Expect(visit.Cell(last.Key, "train-50")).ToBeVisibleAsync();

        // Two more rounds, in which not even time goes on.
        await visit.Page.EvaluateAsync(
            """
            () => {
              window.touched = [];
              new MutationObserver((changes) => window.touched.push(...changes.map((change) => change.target.className ?? change.target.parentElement?.className)))
                .observe(document.querySelector('#grid .rows'), { subtree: true, childList: true, attributes: true, characterData: true });
            }
            """);
        for (var round = 0; round < 2; round++)
            await visit.Page.WaitForResponseAsync(response => response.Url.Contains("/v1/cluster", StringComparison.Ordinal));
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>("window.touched"));
    }

    [Fact]
    public async Task What_is_gone_from_the_cluster_goes_from_the_page_and_what_came_comes()
    {
        var cluster = FakeCluster.Large(TimeProvider.System, datasets: 500, nodes: 3, density: 50);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        await visit.Expect(visit.Page.Locator("#shown")).ToHaveTextAsync("500");

        lock (cluster.Gate)
        {
            cluster.Add("ds_late", "snap_zzz", 0, 5_000_000_000, 10).On("train-02");
            cluster.Remove("ds_0007");
            cluster.Remove("ds_0008");
        }
        await visit.Expect(visit.Page.Locator("#shown")).ToHaveTextAsync("499");
        await visit.Page.Locator("#search").FillAsync("ds_late");
        await visit.Expect(visit.Cell(cluster["ds_late"].Key, "train-02")).ToContainTextAsync("left");
    }
}
