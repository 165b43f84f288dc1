using System.Net;
using System.Text.Json;

namespace DatasetCache.Http.Tests.Api;

public sealed class EventStreamTests : IAsyncLifetime
{
    private ApiGround node = null!;

    public async ValueTask InitializeAsync() => node = await ApiGround.StartAsync();

    public ValueTask DisposeAsync() => node.DisposeAsync();

    private static async Task<(string Event, JsonElement Data)> NextAsync(StreamReader reader)
    {
        var name = (await reader.ReadLineAsync(TestContext.Current.CancellationToken))!;
        var data = (await reader.ReadLineAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("", await reader.ReadLineAsync(TestContext.Current.CancellationToken));
        Assert.StartsWith("event: ", name, StringComparison.Ordinal);
        Assert.StartsWith("data: ", data, StringComparison.Ordinal);
        return (name[7..], JsonElement.Parse(data[6..]));
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false, "done")]
    [InlineData(true, "failed")]
    public async Task An_acquisition_is_followed_event_by_event_to_its_end(bool fails, string last)
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Put("a");
        node.Origin.BeforeRead = async (_, _, cancel) =>
        {
            await open.Task.WaitAsync(cancel);
            if (fails)
                throw new DatasetNotFoundException("It went.", advice: null);
        };
        var ticket = (await node.SendAsync(HttpMethod.Post, "/v1/acquire", ApiGround.Body("a"))).Body.GetProperty("ticket").GetString();

        using var response = await node.OpenAsync($"/v1/acquisitions/{ticket}/events");
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var first = await NextAsync(reader);
        open.SetResult();
        var end = first;
        while (end.Event is "progress")
            end = await NextAsync(reader);

        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.ToString());
        Assert.Equal(("progress", "running", last), (first.Event, first.Data.GetProperty("state").GetString(), end.Event));
        Assert.Equal(fails ? JsonValueKind.Object : JsonValueKind.Null, end.Data.GetProperty("error").ValueKind);
        Assert.Equal(fails ? JsonValueKind.Null : JsonValueKind.Object, end.Data.GetProperty("dataset").ValueKind);
        Assert.Null(await reader.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Who_follows_nothing_is_told_so()
    {
        using var response = await node.OpenAsync("/v1/acquisitions/never/events");

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
    }
}
