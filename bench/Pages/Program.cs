using System.Globalization;
using DatasetCache.Bench.Pages;
using DatasetCache.Pages.Tests;

// DatasetCache.Bench.Pages measure [ROUNDS]       first view and frames, with 1,000 × 50
// DatasetCache.Bench.Pages serve PORT [small]     until Enter: the same to look at
switch (args)
{
    case ["measure", .. var rest]:
        return await Measurement.RunAsync(rest is [var rounds] ? int.Parse(rounds, CultureInfo.InvariantCulture) : 5);
    case ["serve", var port, .. var rest]:
        var cluster = rest is ["small"] ? FakeCluster.Small(TimeProvider.System) : FakeCluster.Large(TimeProvider.System, datasets: 1000, nodes: 50, density: 30);
        await using (var api = await FakeApi.StartAsync(cluster, hasDashboard: true, port: int.Parse(port, CultureInfo.InvariantCulture)))
        {
            using var ending = new CancellationTokenSource();
            var moving = Movement.RunAsync(cluster, ending.Token);
            Console.WriteLine(api.Url);
            await Console.In.ReadLineAsync();
            await ending.CancelAsync();
            await moving;
        }
        return 0;
    default:
        await Console.Error.WriteLineAsync("usage: measure [ROUNDS] | serve PORT [small]");
        return 2;
}
