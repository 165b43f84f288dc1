using System.Globalization;
using System.Net;
using DatasetCache.Http.Access;
using DatasetCache.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace DatasetCache.Http.Tests.Access;

public sealed class AuditTests
{
    [Fact]
    public async Task What_operators_do_and_what_is_refused_to_others_is_kept_and_logged()
    {
        using var folder = new TempFolder();
        var (rita, otto) = (AccessGround.AddToken(folder, "rita", "reader"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"] });
        await ground.SendAsync("POST", "/t/operate/snap_1?dryRun=true", otto);
        await ground.SendAsync("POST", "/t/operate/snap_2", rita);
        await ground.SendAsync("POST", "/t/operate/snap_3");
        await ground.SendAsync("POST", "/t/acquire", rita);
        await ground.SendAsync("GET", "/t/operator", otto);

        var kept = await ground.AuditAsync();
        Assert.Equal(
            [
                ("?", "anyone", "POST /t/operate/{what}", "/t/operate/snap_3", "127.0.0.1", 401, "unauthorized"),
                ("otto", "operator", "POST /t/operate/{what}", "/t/operate/snap_1?dryRun=true", "127.0.0.1", 200, "done"),
                ("rita", "reader", "POST /t/operate/{what}", "/t/operate/snap_2", "127.0.0.1", 403, "forbidden"),
            ],
            kept.Select(line =>
            {
                return (Text("who"), Text("role"), Text("action"), Text("target"), Text("from"), line.GetProperty("status").GetInt32(), Text("outcome"));
                string? Text(string name) => line.GetProperty(name).GetString();
            }));
        Assert.Equal(ground.Clock.GetUtcNow(), kept[0].GetProperty("at").GetDateTimeOffset());
        Assert.Contains("otto from 127.0.0.1: POST /t/operate/{what} /t/operate/snap_1?dryRun=true : 200 done", ground.Log.All, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(ground.Folder["cache/audit.log"]));
    }

    [Fact]
    public void The_file_is_bounded_and_the_youngest_stay()
    {
        using var folder = new TempFolder();
        var audit = new AuditLog(folder.Path, NullLogger.Instance, largest: 1000);
        for (var i = 0; i < 100; i++)
            audit.Write(new AuditRecord(DateTimeOffset.UnixEpoch, "otto", "operator", "DELETE", $"/v1/datasets/snap_{i}", "127.0.0.1", 200, "done", null));

        var files = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(["audit.log", "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4"], files.Select(Path.GetFileName));
        Assert.All(files, file => Assert.InRange(new FileInfo(file).Length, 1, 1000));
        Assert.Contains("snap_99\"", File.ReadAllLines(files[0])[^1], StringComparison.Ordinal);
        Assert.Equal(Number(files[0], first: true) - 1, Number(files[1], first: false));

        static int Number(string file, bool first) => int.Parse((first ? File.ReadAllLines(file)[0] : File.ReadAllLines(file)[^1]).Split("snap_")[1].Split('"')[0], CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Who_asks_too_often_waits_and_nobody_else_does()
    {
        using var folder = new TempFolder();
        var (nina, otto) = (AccessGround.AddToken(folder, "nina", "operator"), AccessGround.AddToken(folder, "otto", "operator"));
        await using var ground = await AccessGround.StartAsync(new AccessOptions { TokenFile = folder["tokens"], Operations = new WriteLimit(2, TimeSpan.FromHours(1), 1) });
        for (var i = 0; i < 2; i++)
            Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("POST", "/t/operate/x", otto)).Status);
        var slowed = await ground.SendAsync("POST", "/t/operate/x", otto);

        Assert.Equal((HttpStatusCode.TooManyRequests, "tooManyRequests"), (slowed.Status, slowed.Code));
        Assert.InRange(int.Parse(slowed.Headers["Retry-After"], CultureInfo.InvariantCulture), 1, 3600);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("POST", "/t/operate/x", nina)).Status);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("POST", "/t/acquire", otto)).Status);
        Assert.Equal(HttpStatusCode.OK, (await ground.SendAsync("GET", "/t/operator", otto)).Status);
    }
}
