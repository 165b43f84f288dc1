using DatasetCache.Testing;
using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

/// <summary>The same with a node that is one, from its login to an eviction.</summary>
public sealed class LiveNodeTests(Browser browser)
{
    [Fact]
    public async Task An_operator_logs_in_warms_a_dataset_watches_it_come_pins_verifies_and_evicts_it()
    {
        await using var node = await LiveNode.StartAsync();
        for (var i = 0; i < 20; i++)
            node.Origin.Put($"datasets/d1/images/{i:d3}.png", MemoryOrigin.Bytes(i, 100_000));
        var goOn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Origin.BeforeRead = async (_, read, cancellationToken) =>
        {
            if (read > 10)
                await goOn.Task.WaitAsync(cancellationToken);
        };
        await using var visit = await browser.OpenAsync(node.Url);
        await visit.LogInAsync(node.Token);

        await visit.Button("Warm a dataset…").ClickAsync();
        await visit.Dialog.GetByLabel("Origin").FillAsync("/not/served");
        await visit.Button("Warm").ClickAsync();
        await visit.Expect(visit.Dialog.GetByRole(AriaRole.Alert)).ToContainTextAsync("This node reads no datasets from the folder");
        await visit.Dialog.GetByLabel("Origin").FillAsync("");
        await visit.Dialog.GetByLabel("Dataset").FillAsync("d1");
        await visit.Dialog.GetByLabel("Snapshot").FillAsync("snap");
        await visit.Button("Warm").ClickAsync();
        var row = visit.Page.Locator("#grid .rows .row:visible");
        await visit.Expect(row.Locator(".node")).ToContainTextAsync("of 2.0\u00a0MB");
        goOn.SetResult();
        await visit.Expect(row.Locator(".node")).ToContainTextAsync("left");
        await visit.Expect(visit.Page.Locator("#hit-rate .figure")).ToContainTextAsync("–");

        await row.Locator("a").ClickAsync();
        await visit.Expect(visit.Page.Locator("#files tr")).ToHaveCountAsync(20);
        await visit.Expect(visit.Page.Locator("#keep")).ToContainTextAsync("Nothing protects it");
        await visit.Button("Pin on live").ClickAsync();
        await visit.Button("Pin").ClickAsync();
        await visit.Expect(visit.Page.Locator("#history")).ToContainTextAsync("pinned");
        await visit.Button("Verify on live").ClickAsync();
        await visit.Button("Verify").ClickAsync();
        await visit.Expect(visit.Page.Locator("#history")).ToContainTextAsync("verified");
        await visit.Button("Evict from live").ClickAsync();
        await visit.Expect(visit.Dialog).ToContainTextAsync("protected by");
        await visit.Button("Close").ClickAsync();
        await visit.Button("Unpin on live").ClickAsync();
        await visit.Button("Unpin").ClickAsync();
        await visit.Button("Pin on live").WaitForAsync();
        await visit.Button("Evict from live").ClickAsync();
        await visit.Dialog.GetByText("Evict from live").ClickAsync();
        await visit.Expect(visit.Page.Locator("#no-replicas")).ToBeVisibleAsync();
        await visit.Expect(visit.Page.Locator("#history tr").First).ToContainTextAsync("evicted");
    }

    [Fact]
    public async Task A_reader_who_logs_in_sees_all_and_no_button_and_logs_out()
    {
        await using var node = await LiveNode.StartAsync();
        await using var visit = await browser.OpenAsync(node.Url);
        await visit.LogInAsync(node.ReaderToken);

        await visit.Expect(visit.Page.Locator("#nodes tbody th")).ToHaveTextAsync("live");
        await visit.Expect(visit.Button("Log out")).ToBeVisibleAsync();
        await visit.Expect(visit.Button("Warm a dataset…")).ToBeHiddenAsync();
        await visit.Button("Log out").ClickAsync();
        await visit.Expect(visit.Page.GetByLabel("Token")).ToBeVisibleAsync();
    }
}
