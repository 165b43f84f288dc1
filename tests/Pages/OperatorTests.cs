using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

public sealed class OperatorTests(Browser browser)
{
    private readonly FakeCluster cluster = FakeCluster.Small(TimeProvider.System);

    [Fact]
    public async Task He_evicts_after_he_was_told_what_that_frees()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_lidar_sweeps"].Key;

        await visit.Cell(key, "n1").ClickAsync();
        await visit.Button("Evict…").ClickAsync();
        await visit.Expect(visit.Dialog).ToContainTextAsync("Frees 921\u00a0GB");
        Assert.Empty(cluster.Acts);
        await visit.Button("Cancel").ClickAsync();
        await visit.Expect(visit.Dialog).ToHaveCountAsync(0);
        Assert.Empty(cluster.Acts);

        await visit.Cell(key, "n1").ClickAsync();
        await visit.Button("Evict…").ClickAsync();
        await visit.Button("Evict from n1").ClickAsync();
        await visit.Expect(visit.News).ToHaveTextAsync($"Evicted {key}: 921\u00a0GB freed.");
        Assert.Equal([$"evict n1 {key}"], cluster.Acts);
        await visit.Expect(visit.Cell(key, "n1")).ToHaveAccessibleNameAsync($"{key} on n1: not here");
    }

    [Fact]
    public async Task He_is_told_why_something_cannot_be_evicted()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);

        await visit.Cell(cluster["ds_kitti_raw"].Key, "n1").ClickAsync();
        await visit.Button("Evict…").ClickAsync();

        await visit.Expect(visit.Dialog).ToContainTextAsync("n1: protected by a running process");
        await visit.Expect(visit.Dialog.GetByRole(AriaRole.Button)).ToHaveTextAsync("Close");
        Assert.Empty(cluster.Acts);
    }

    [Fact]
    public async Task He_pins_and_unpins_on_another_node()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_birds"].Key;

        await visit.Cell(key, "n2").ClickAsync();
        await visit.Button("Pin…").ClickAsync();
        await visit.Button("Pin").ClickAsync();
        await visit.Expect(visit.Cell(key, "n2")).ToContainTextAsync("pinned");
        await visit.Cell(key, "n2").ClickAsync();
        await visit.Button("Unpin…").ClickAsync();
        await visit.Button("Unpin").ClickAsync();
        await visit.Expect(visit.Cell(key, "n2")).ToContainTextAsync("left");

        Assert.Equal([$"pin n2 {key}", $"unpin n2 {key}"], cluster.Acts);
    }

    [Fact]
    public async Task He_says_when_a_dataset_goes_on_one_node_or_on_all()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_cars"].Key;

        await visit.Cell(key, "n2").ClickAsync();
        await visit.Button("Priority…").ClickAsync();
        await visit.Expect(visit.Dialog.GetByLabel("Priority")).ToHaveValueAsync("normal");
        await visit.Button("Cancel").ClickAsync();
        Assert.Empty(cluster.Acts);
        await visit.Cell(key, "n2").ClickAsync();
        await visit.Button("Priority…").ClickAsync();
        await visit.Dialog.GetByLabel("Priority").SelectOptionAsync("high");
        await visit.Button("Set priority").ClickAsync();
        await visit.Expect(visit.News).ToHaveTextAsync($"The priority of {key} is high on n2.");
        await visit.Page.GotoAsync("/ui/dataset?key=" + key);
        await visit.Expect(visit.Page.Locator("#replicas .priority")).ToHaveTextAsync(["normal", "high", "normal"]);
        await visit.Button("Priority on n2").ClickAsync();
        await visit.Expect(visit.Dialog.GetByLabel("Priority")).ToHaveValueAsync("high");
        await visit.Button("Cancel").ClickAsync();
        await visit.Button("Priority of all…").ClickAsync();
        await visit.Dialog.GetByLabel("Priority").SelectOptionAsync("low");
        await visit.Button("Set priority").ClickAsync();
        await visit.Expect(visit.Page.Locator("#replicas .priority")).ToHaveTextAsync(["low", "low", "low"]);

        Assert.Equal([$"priority high n2 {key}", $"priority low n1 {key}", $"priority low n2 {key}", $"priority low n3 {key}"], cluster.Acts.Order());
    }

    [Fact]
    public async Task He_verifies_in_the_way_he_chooses()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_forest"].Key;

        await visit.Cell(key, "n3").ClickAsync();
        await visit.Button("Verify…").ClickAsync();
        await visit.Page.GetByLabel("How").SelectOptionAsync("full");
        await visit.Button("Verify").ClickAsync();

        await visit.Expect(visit.News).ToContainTextAsync($"Verified {key} on n3");
        await visit.Expect(visit.Cell(key, "n3")).ToContainTextAsync("left");
        Assert.Equal([$"verify full n3 {key}"], cluster.Acts);
    }

    [Fact]
    public async Task He_warms_a_dataset_on_the_nodes_he_chooses_and_sees_it_come()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);

        await visit.Button("Warm a dataset…").ClickAsync();
        await visit.Button("Warm").ClickAsync();
        await visit.Expect(visit.Dialog.GetByRole(AriaRole.Alert)).ToHaveTextAsync("Name a dataset or an origin.");
        await visit.Page.GetByLabel("Dataset", new PageGetByLabelOptions { Exact = true }).FillAsync("ds_new");
        await visit.Page.GetByLabel("Snapshot").FillAsync("snap_1");
        await visit.Dialog.GetByLabel("n3").CheckAsync();
        await visit.Button("Warm").ClickAsync();

        await visit.Expect(visit.News).ToHaveTextAsync("On its way to n1 and n3.");
        await visit.Expect(visit.Cell(cluster["ds_new"].Key, "n3")).ToContainTextAsync("0\u00a0%");
        Assert.Equal(["warm n1 ds_new", "warm n3 ds_new"], cluster.Acts.Order());
    }

    [Fact]
    public async Task A_reader_sees_no_button_that_he_may_not_use()
    {
        await using var api = await FakeApi.StartAsync(cluster, canOperate: false);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster["ds_birds"].Key;

        await visit.Expect(visit.Button("Warm a dataset…")).ToBeHiddenAsync();
        await visit.Cell(key, "n2").ClickAsync();
        await visit.Expect(visit.Dialog.GetByRole(AriaRole.Button)).ToHaveTextAsync("Close");
        await visit.Page.GotoAsync("/ui/dataset?key=" + key);
        await visit.Expect(visit.Page.Locator("#replicas tr")).ToHaveCountAsync(1);
        await visit.Expect(visit.Page.Locator("#where")).ToContainTextAsync("n1");
        await visit.Expect(visit.Page.Locator("main").GetByRole(AriaRole.Button)).ToHaveTextAsync("More files");
    }

    [Fact]
    public async Task He_needs_no_mouse()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);
        var key = cluster.Datasets.ElementAt(1).Key;
        await visit.Expect(visit.Page.Locator("#grid .rows .row:visible")).ToHaveCountAsync(6);

        await visit.Page.Locator("#grid").FocusAsync();
        foreach (var press in (string[])["ArrowDown", "ArrowRight", "ArrowRight", "Enter"])
            await visit.Page.Keyboard.PressAsync(press);
        await visit.Expect(visit.Dialog.GetByRole(AriaRole.Heading)).ToHaveTextAsync($"{key} on n2");
        await visit.Page.Keyboard.PressAsync("Escape");
        await visit.Expect(visit.Dialog).ToHaveCountAsync(0);
        await visit.Expect(visit.Page.Locator("#grid")).ToBeFocusedAsync();
        await visit.Page.Keyboard.PressAsync("Home");
        await visit.Page.Keyboard.PressAsync("Enter");

        await visit.Expect(visit.Page.Locator("h1")).ToHaveTextAsync(key);
    }
}
