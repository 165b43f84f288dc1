using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

public sealed class ClusterPageTests(Browser browser)
{
    private static readonly string[] Nodes = ["n1", "n2", "n3"];

    [Fact]
    public async Task An_operator_sees_the_nodes_and_who_holds_what()
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        cluster.Nodes[2].IsAlive = false;
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var (cars, lidar) = (cluster["ds_cars"].Key, cluster["ds_lidar_sweeps"].Key);

        await visit.Expect(visit.Page.Locator("#nodes tbody th")).ToHaveTextAsync(Nodes);
        await visit.Expect(visit.Page.Locator("#nodes tr.gone")).ToContainTextAsync("dead");
        await visit.Expect(visit.Page.Locator("#sum-nodes")).ToHaveTextAsync("2/3");
        await visit.Expect(visit.Cell(cars, "n2")).ToContainTextAsync("pinned");
        await visit.Expect(visit.Cell(lidar, "n1")).ToContainTextAsync("left");
        await visit.Expect(visit.Cell(lidar, "n2")).ToHaveAccessibleNameAsync($"{lidar} on n2: not here");
        await visit.Expect(visit.Cell(cluster["ds_forest"].Key, "n3")).ToContainTextAsync("broken");
        await visit.Expect(visit.Page.Locator("#hit-rate .figure")).ToContainTextAsync("%");
        await visit.Expect(visit.Page.Locator("#hit-rate figcaption")).ToContainTextAsync("2 of 3 nodes");
        await visit.Expect(visit.Page.Locator("#silent")).ToHaveTextAsync("Without n3: no answer.");
        await visit.Expect(visit.Page.Locator("#connection")).ToHaveTextAsync("Live");
    }

    [Fact]
    public async Task A_download_moves_before_his_eyes_and_is_then_there()
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_birds"].Key;
        await visit.Expect(visit.Cell(key, "n1")).ToHaveAccessibleNameAsync($"{key} on n1: not here");

        foreach (var thousandths in (int[])[0, 430, 870])
        {
            lock (cluster.Gate)
            {
                if (thousandths == 0)
                    cluster.Begin("ds_birds", "n1");
                cluster.Move(thousandths);
            }
            await visit.Expect(visit.Cell(key, "n1")).ToContainTextAsync($"{thousandths / 10}\u00a0%");
        }
        await visit.Expect(visit.Page.Locator("#nodes tbody tr").First.Locator(".working")).ToContainTextAsync("1 at 87");
        lock (cluster.Gate)
            cluster.Move(1000);
        await visit.Expect(visit.Cell(key, "n1")).ToContainTextAsync("left");
    }

    [Fact]
    public async Task He_searches_filters_and_sorts()
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var rows = visit.Page.Locator("#grid .rows .row:visible .key a");
        await visit.Expect(rows).ToHaveCountAsync(6);

        await visit.Page.Keyboard.PressAsync("/");
        await visit.Page.Keyboard.TypeAsync("KITTI");
        await visit.Expect(rows).ToHaveTextAsync(cluster["ds_kitti_raw"].Key);
        await visit.Expect(visit.Page.Locator("#shown")).ToHaveTextAsync("1 of 6");
        await visit.Page.Locator("#search").FillAsync("");
        await visit.Page.Locator("#show").SelectOptionAsync("broken");
        await visit.Expect(rows).ToHaveTextAsync(cluster["ds_forest"].Key);
        await visit.Page.Locator("#show").SelectOptionAsync("all");
        await visit.Page.Locator("#on-node").SelectOptionAsync("n2");
        await visit.Expect(rows).ToHaveCountAsync(3);
        await visit.Button("Size").ClickAsync();
        await visit.Expect(rows.First).ToHaveTextAsync(cluster["ds_cars"].Key);
        await visit.Expect(visit.Page.Locator("[aria-sort]").Last).ToHaveAttributeAsync("aria-sort", "descending");
    }

    [Fact]
    public async Task He_is_told_when_the_node_is_gone_and_when_it_is_back()
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        await visit.Expect(visit.Page.Locator("#connection")).ToHaveTextAsync("Live");

        api.IsSilent = true;
        await visit.Expect(visit.Page.Locator("#connection")).ToContainTextAsync("Not connected");
        api.IsSilent = false;
        await visit.Button("Try now").ClickAsync();
        await visit.Expect(visit.Page.Locator("#connection")).ToHaveTextAsync("Live");
    }

    [Fact]
    public async Task A_narrow_screen_scrolls_its_tables_but_not_the_page()
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, width: 360, height: 740);
        var key = cluster["ds_cars"].Key;
        await visit.Cell(key, "n3").ClickAsync();

        await visit.Expect(visit.Dialog).ToContainTextAsync("ready");
        Assert.True(await visit.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= innerWidth"));
        Assert.True(await visit.Dialog.EvaluateAsync<bool>("dialog => { const box = dialog.getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth; }"));
    }

    [Fact]
    public async Task The_dashboard_is_one_click_away_where_there_is_one()
    {
        await using var api = await FakeApi.StartAsync(FakeCluster.Small(TimeProvider.System), hasDashboard: true);
        await using var visit = await browser.OpenAsync(api);

        await visit.Page.GetByText("Orleans dashboard").ClickAsync();

        await visit.Expect(visit.Page.Locator("body")).ToContainTextAsync("the dashboard");
    }

    [Fact]
    public async Task A_host_of_its_own_shows_no_dashboard()
    {
        await using var api = await FakeApi.StartAsync(FakeCluster.Small(TimeProvider.System));
        await using var visit = await browser.OpenAsync(api);
        await visit.Expect(visit.Page.Locator("#where")).ToContainTextAsync("n1");

        await visit.Expect(visit.Page.GetByText("Orleans dashboard")).ToBeHiddenAsync();
    }

    [Theory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task Every_text_stands_out_from_its_ground(ColorScheme scheme)
    {
        var cluster = FakeCluster.Small(TimeProvider.System);
        cluster.Nodes[1].IsAlive = false;
        cluster.Begin("ds_birds", "n1");
        cluster.Move(500);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, scheme: scheme);
        await visit.Expect(visit.Cell(cluster["ds_birds"].Key, "n1")).ToContainTextAsync("50");

        Assert.Empty(await Contrast.FaintTextsAsync(visit.Page));
        await visit.Page.GotoAsync("/ui/dataset?key=" + cluster["ds_kitti_raw"].Key);
        await visit.Expect(visit.Page.Locator("#history tr").First).ToBeVisibleAsync();
        Assert.Empty(await Contrast.FaintTextsAsync(visit.Page));
    }
}
