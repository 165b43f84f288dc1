using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using DatasetCache.Hosting.Node;
using DatasetCache.Pages.Tests;
using DatasetCache.Testing;
using Microsoft.Playwright;

namespace DatasetCache.Silo.Tests;

/// <summary>What an operator does with a browser on three nodes that run, each with pages of its own.</summary>
[Collection(Machine.Name)]
public sealed class OperatorPagesTests(Browser browser) : IClassFixture<Browser>
{
    private const string Snapshot = "s-d1";

    [Fact]
    public async Task An_operator_sees_and_steers_three_nodes_from_the_pages_of_any_of_them()
    {
        Assert.SkipWhen(Browser.Program is null, "There is no chromium: apt-get install chromium");
        using var folder = new TempFolder();
        var reader = ApiToken.New();
        await using var cluster = await TestCluster.CreateAsync(3);
        cluster.Nodes[0].Tokens = folder.Write("tokens", ApiToken.Line("rita", "reader", reader) + "\n");
        await Task.WhenAll(cluster.Nodes.Select(node => node.StartAsync()));
        await using var first = await OpenAsync(cluster.Nodes[0]);
        await using var second = await OpenAsync(cluster.Nodes[1], ColorScheme.Dark);
        await using var third = await OpenAsync(cluster.Nodes[2], ColorScheme.Light, width: 390, height: 844);
        await first.Expect(first.Page.Locator("#nodes tbody th")).ToHaveTextAsync(["n1", "n2", "n3"]);
        await first.Expect(first.Page.Locator("#bytes .figure")).ToHaveTextAsync("–");

        // On n1 he warms a dataset on all three; on the pages of the others it comes, and stands still where the origin does.
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var half = cluster.Origin.Served.When(TestCluster.Bytes / 2, goOn.Task);
        await first.Button("Warm a dataset…").ClickAsync();
        await first.Dialog.GetByLabel("Dataset", new LocatorGetByLabelOptions { Exact = true }).FillAsync("d1");
        await first.Dialog.GetByLabel("Snapshot").FillAsync(Snapshot);
        foreach (var name in (string[])["n2", "n3"])
            await first.Dialog.GetByLabel(name).CheckAsync();
        await first.PictureAsync("live-warm");
        await first.Button("Warm").ClickAsync();
        await half;
        var key = await first.Page.Locator("#grid .rows .row:visible a").InnerTextAsync();
        foreach (var node in cluster.Nodes)
        {
            foreach (var visit in (Visit[])[first, second, third])
                await visit.Expect(visit.Cell(key, node.Name)).ToHaveAccessibleNameAsync(Like($"{key} on {node.Name}: downloading [1-9][0-9]? %"));
        }
        await first.Expect(first.Page.Locator("#sum-moving")).ToHaveTextAsync("3");
        await first.PictureAsync("live-moving-light");
        await second.PictureAsync("live-moving-dark");
        await third.PictureAsync("live-moving-narrow");
        goOn.SetResult();
        foreach (var node in cluster.Nodes)
            await second.Expect(second.Cell(key, node.Name)).ToContainTextAsync("left");
        Assert.Equal(0, cluster.Origin.Served.Repeated);

        // A job on n2 finds it there: the charts are the cluster's, on the page of n1, too.
        using var acquired = await cluster.Nodes[1].Api.PostAsJsonAsync("/v1/acquire", new { dataset = new { datasetId = "d1", snapshotId = Snapshot }, wait = 20 });
        var job = (await acquired.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("dataset");
        Assert.Equal("hit", job.GetProperty("outcome").GetString());
        await first.Expect(first.Cell(key, "n2")).ToHaveAccessibleNameAsync(Like("ready, 1 lease"));
        await first.Expect(first.Page.Locator("#hit-rate figcaption")).ToHaveTextAsync(Like("Hit rate of all 3 nodes, 30 days 100"));
        await first.Expect(first.Page.Locator("#hit-rate svg")).ToHaveAttributeAsync("aria-label", Like("1 hits and 0 misses"));
        await first.Expect(first.Page.Locator("#bytes .figure")).ToHaveTextAsync("15\u00a0MB");

        // By way of n1: what a job uses on n2 stays; n3's is pinned, looked through, and goes when nothing keeps it.
        await first.Page.GetByText(key).First.ClickAsync();
        await first.Button("Evict from n2").ClickAsync();
        await first.Expect(first.Dialog).ToContainTextAsync("n2: protected by");
        await first.Button("Close").ClickAsync();
        await first.Button("Pin on n3").ClickAsync();
        await first.Button("Pin").ClickAsync();
        await first.Expect(first.Page.Locator("#history tr").First).ToContainTextAsync("pinnedn3");
        await third.Expect(third.Cell(key, "n3")).ToHaveAccessibleNameAsync(Like("ready, pinned"));
        await first.Button("Priority on n3").ClickAsync();
        await first.Dialog.GetByLabel("Priority").SelectOptionAsync("high");
        await first.Button("Set priority").ClickAsync();
        await first.Expect(first.Page.Locator("#replicas .priority")).ToHaveTextAsync(["normal", "normal", "high"]);
        await first.Button("Verify on n3").ClickAsync();
        await first.Button("Verify").ClickAsync();
        await first.Expect(first.News).ToContainTextAsync($"Verified {key} on n3");
        await first.PictureAsync("live-dataset-light");
        await first.Button("Unpin on n3").ClickAsync();
        await first.Button("Unpin").ClickAsync();
        await first.Button("Pin on n3").WaitForAsync();
        await first.Button("Evict from n3").ClickAsync();
        await first.Expect(first.Dialog).ToContainTextAsync("Frees 15\u00a0MB");
        await first.PictureAsync("live-evict");
        await first.Dialog.GetByText("Evict from n3").ClickAsync();
        await first.Expect(first.Page.Locator("#replicas th")).ToHaveTextAsync(["n1", "n2"]);
        await first.Expect(first.Page.Locator("#history tr").First).ToContainTextAsync("evictedn3");

        // On n3, which does not hold it any more, the page says the same as on n1.
        await third.Page.GotoAsync("/ui/dataset?key=" + key);
        await third.Expect(third.Page.Locator("#keep-title")).ToHaveTextAsync("What keeps it on n1");
        await third.Expect(third.Page.Locator("#files tr")).ToHaveCountAsync(41);
        await third.Expect(third.Page.Locator("#facts")).ToContainTextAsync("15\u00a0MB, 41 files");
        await third.PictureAsync("live-dataset-narrow");
        await second.Page.GetByText(key).First.ClickAsync();
        await second.Expect(second.Page.Locator("#keep")).ToContainTextAsync("lease");
        await second.PictureAsync("live-dataset-dark");
        Assert.True(await cluster.Nodes[1].RenewAsync(job.GetProperty("lease").GetProperty("id").GetString()!));

        first.Foreign = "/dashboard";
        await first.Page.GetByText("Orleans dashboard").ClickAsync();
        await first.Expect(first.Page.Locator("body")).ToContainTextAsync("Silo");
        await first.PictureAsync("live-dashboard");
        // Which is for operators.
        Assert.Equal(HttpStatusCode.OK, (await cluster.Nodes[0].Api.GetAsync("/dashboard/")).StatusCode);
        cluster.Nodes[0].Api.DefaultRequestHeaders.Authorization = new("Bearer", reader);
        Assert.Equal(HttpStatusCode.Forbidden, (await cluster.Nodes[0].Api.GetAsync("/dashboard/")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await cluster.Nodes[0].Api.GetAsync("/v1/cluster")).StatusCode);
    }

    private static Regex Like(string pattern) => new(pattern, RegexOptions.None, TimeSpan.FromSeconds(1));

    private async Task<Visit> OpenAsync(TestNode node, ColorScheme scheme = ColorScheme.Light, int width = 1440, int height = 900)
    {
        var visit = await browser.OpenAsync(node.Api.BaseAddress!.GetLeftPart(UriPartial.Authority), "/", scheme, width, height);
        await visit.LogInAsync(node.Api.DefaultRequestHeaders.Authorization!.Parameter!);
        return visit;
    }
}
