using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

public sealed class DatasetPageTests(Browser browser)
{
    private readonly FakeCluster cluster = FakeCluster.Small(TimeProvider.System);

    [Fact]
    public async Task A_dataset_shows_its_files_replicas_history_and_what_keeps_it()
    {
        var dataset = cluster["ds_kitti_raw"];
        dataset.Note(cluster.Now, "healed", "n3", "2 files from n1");
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);

        await visit.Page.GetByText(dataset.Key).ClickAsync();

        await visit.Expect(visit.Page.Locator("h1")).ToHaveTextAsync(dataset.Key);
        await visit.Expect(visit.Page.Locator("#replicas th")).ToHaveTextAsync(["n1", "n3"]);
        await visit.Expect(visit.Page.Locator("#keep")).ToContainTextAsync("a running process");
        await visit.Expect(visit.Page.Locator("#facts")).ToContainTextAsync("183\u00a0GB, 96,012 files");
        await visit.Expect(visit.Page.Locator("#history tr").First).ToContainTextAsync("healedn32 files from n1");
        await visit.Expect(visit.Page.Locator("#files tr")).ToHaveCountAsync(200);
        await visit.Button("More files").ClickAsync();
        await visit.Expect(visit.Page.Locator("#files tr")).ToHaveCountAsync(400);
    }

    [Fact]
    public async Task What_happens_to_it_appears_while_he_looks()
    {
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, "/ui/dataset?key=" + cluster["ds_birds"].Key);
        await visit.Expect(visit.Page.Locator("#replicas th")).ToHaveTextAsync(["n2"]);
        await visit.Expect(visit.Page.Locator("#keep-title")).ToHaveTextAsync("What keeps it on n2");

        lock (cluster.Gate)
        {
            cluster.Begin("ds_birds", "n1");
            cluster.Move(250);
        }
        await visit.Expect(visit.Page.Locator("#replicas tr").First).ToContainTextAsync("25\u00a0%");
        await visit.Button("Pin on n2").ClickAsync();
        await visit.Button("Pin").ClickAsync();

        await visit.Expect(visit.Page.Locator("#history tr").First).ToContainTextAsync("pinned");
        await visit.Expect(visit.Button("Unpin on n2")).ToBeVisibleAsync();
    }

    [Fact]
    public async Task What_this_node_does_not_hold_is_told_by_one_that_does_and_answers()
    {
        var dataset = cluster["ds_forest"];
        dataset.On("n2");
        cluster.Nodes[1].IsAlive = false;
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, "/ui/dataset?key=" + dataset.Key);

        await visit.Expect(visit.Page.Locator("#facts")).ToContainTextAsync("2.1\u00a0GB, 5,011 files");
        await visit.Expect(visit.Page.Locator("#facts")).ToContainTextAsync("On n3");
        await visit.Expect(visit.Page.Locator("#keep")).ToContainTextAsync("3 files fail their checks");
        await visit.Expect(visit.Page.Locator("#files tr")).ToHaveCountAsync(200);
        await visit.Expect(visit.Page.Locator("#files a")).ToHaveCountAsync(0);
        await visit.Button("More files").ClickAsync();
        await visit.Expect(visit.Page.Locator("#files tr")).ToHaveCountAsync(400);
        lock (cluster.Gate)
            dataset.Holders.Clear();
        await visit.Expect(visit.Page.Locator("#no-files")).ToHaveTextAsync("No node that answers has it whole.");
        await visit.Expect(visit.Page.Locator("#facts")).ToContainTextAsync("none that answers");
    }

    [Fact]
    public async Task He_evicts_it_from_all_nodes_at_once_where_nothing_protects_it()
    {
        var key = cluster["ds_kitti_raw"].Key;
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api, "/ui/dataset?key=" + key);

        await visit.Button("Evict all…").ClickAsync();
        await visit.Expect(visit.Dialog).ToContainTextAsync("n1: protected by a running process");
        await visit.Dialog.GetByText("Evict from n3").ClickAsync();

        await visit.Expect(visit.Page.Locator("#replicas th")).ToHaveTextAsync(["n1"]);
        await visit.Expect(visit.Page.Locator("#history tr").First).ToContainTextAsync("evictedn3asked for by an operator");
        Assert.Equal([$"evict n3 {key}"], cluster.Acts);
    }

    [Fact]
    public async Task What_a_dataset_is_called_is_never_run()
    {
        const string EvilKey = "\"><script>alert(1)<img src=x onerror=alert(2)>'&amp;";
        const string Evil = "</script>" + EvilKey;
        var dataset = cluster.Add(new FakeDataset(cluster, "aaa" + EvilKey, Evil, Evil, 1000, 1) { Origin = "s3://" + Evil });
        dataset.On("n1");
        dataset.Holders["n1"].Protections.Add(Evil);
        dataset.Note(cluster.Now, "evicted", Evil, Evil);
        dataset.Paths.Add("a/" + Evil + ".png");
        cluster.AddNode("n4" + Evil);
        await using var api = await FakeApi.StartAsync(cluster);
        await using var visit = await browser.OpenAsync(api);

        await visit.Expect(visit.Page.Locator("#nodes")).ToContainTextAsync("n4" + Evil);
        await visit.Cell(dataset.Key, "n1").ClickAsync();
        await visit.Button("Evict…").ClickAsync();
        await visit.Expect(visit.Dialog).ToContainTextAsync(Evil);
        await visit.Button("Close").ClickAsync();
        await visit.Page.GetByText(dataset.Key).First.ClickAsync();
        await visit.Expect(visit.Page.Locator("h1")).ToHaveTextAsync(dataset.Key);
        await visit.Expect(visit.Page.Locator("#history tr").First).ToContainTextAsync(Evil);
        await visit.Expect(visit.Page.Locator("#files")).ToContainTextAsync(Evil);
        await visit.Button("Pin on n1").ClickAsync();
        await visit.Button("Pin").ClickAsync();
        await visit.Expect(visit.News).ToContainTextAsync("Pinned aaa");

        Assert.Equal([$"pin n1 {dataset.Key}"], cluster.Acts);
        Assert.Equal(0, await visit.Page.Locator("script:not([src]), img[src=x]").CountAsync());
    }
}
