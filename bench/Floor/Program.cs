// floor                                does nothing: what starting a ReadyToRun .NET program costs
// floor URLS FOLDER CONCURRENCY        downloads each line's URL to FOLDER/NAME (tab between URL and NAME): no listing, no signing, no retry, no
//                                      checksum, no journal, no publish
using System.Collections.Concurrent;
using System.Globalization;

if (args.Length == 0)
    return 0;

var work = new ConcurrentQueue<string>(File.ReadLines(args[0]));
var folder = Directory.CreateDirectory(args[1]).FullName;
using var handler = new SocketsHttpHandler { UseCookies = false, UseProxy = false, ActivityHeadersPropagator = null };
using var http = new HttpClient(handler);
await Task.WhenAll(Enumerable.Range(0, int.Parse(args[2], CultureInfo.InvariantCulture)).Select(_ => Task.Run(async () =>
{
    var buffer = new byte[256 * 1024];
    while (work.TryDequeue(out var line))
    {
        var parts = line.Split('\t');
        using var response = await http.GetAsync(new Uri(parts[0]), HttpCompletionOption.ResponseHeadersRead);
        await using var body = await response.EnsureSuccessStatusCode().Content.ReadAsStreamAsync();
        using var file = File.OpenHandle(Path.Combine(folder, parts[1]), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        var at = 0L;
        for (int read; (read = await body.ReadAsync(buffer)) > 0; at += read)
            RandomAccess.Write(file, buffer.AsSpan(0, read), at);
    }
})));
return 0;
