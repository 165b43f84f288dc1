using DatasetCache.Client;
using DatasetCache.Testing;
using Orleans.Connections.Security;

namespace DatasetCache.Silo.Tests;

/// <summary>Nodes that show each other certificates, on Orleans' ports and on the data plane.</summary>
[Collection(Machine.Name)]
public sealed class MutualTlsTests : IDisposable
{
    private const string Here = "127.0.0.1";
    private readonly TempFolder folder = new();
    private readonly TestAuthority ours = new("ours"), theirs = new("theirs");

    public void Dispose()
    {
        folder.Dispose();
        ours.Dispose();
        theirs.Dispose();
    }

    [Fact]
    [Trait("Fault", "25")]
    public async Task Nodes_with_certificates_of_one_authority_share_a_download_and_nobody_else_gets_in()
    {
        await using var cluster = await TestCluster.CreateAsync(3);
        foreach (var node in cluster.Nodes)
            node.Tls = ours.WriteFor(Here, folder[node.Name]);
        // One who believes the same authority and has a certificate of another.
        cluster.Nodes[2].Tls = theirs.WriteFor(Here, folder["stranger"], believes: ours);
        await Task.WhenAll(cluster.Nodes.Take(2).Select(node => node.StartAsync()));

        var jobs = await Task.WhenAll(cluster.Nodes.Take(2).Select(node => node.AcquireAsync()));

        foreach (var job in jobs)
            await TestCluster.CheckAsync(job.Path);
        Assert.Equal((0, TestCluster.Bytes), (cluster.Origin.Served.Repeated, cluster.Origin.Served.Total));

        // Orleans' gateway wants a certificate as well, of a job's client too.
        await using (var cache = await DatasetCacheClient.ConnectAsync(Options(cluster.Id, cluster.Nodes[0], ours)))
        {
            await using var lease = await cache.AcquireAsync(new AcquireRequest { Dataset = new Datasets.DatasetRef { DatasetId = "d1", SnapshotId = "s-d1", Selection = new Datasets.Selection { Mode = Datasets.SelectionMode.All } } });
            Assert.Equal(AcquireOutcome.Hit, lease.Outcome);
        }
        await Assert.ThrowsAnyAsync<DatasetCacheException>(() => DatasetCacheClient.ConnectAsync(Options(cluster.Id, cluster.Nodes[0], theirs)));
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.Nodes[2].StartAsync());
        // It says so itself, or the others have called it dead before it gave up.
        Assert.Contains("has not said", refused.Message, StringComparison.Ordinal);
        Assert.True(cluster.Nodes.Take(2).All(node => node.IsRunning), cluster.Said);
    }

    private DatasetCacheClientOptions Options(string cluster, TestNode node, TestAuthority issuer) => new()
    {
        Gateway = node.Gateway,
        CacheRoot = node.CacheRoot,
        ClusterId = cluster,
        LostNodePatience = TimeSpan.FromSeconds(10),
        ConfigureOrleans = client => client.UseTls(tls =>
        {
            tls.LocalCertificate = issuer.Issue(Here);
            tls.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
            tls.RemoteCertificateValidation = (shown, _, _) => shown is not null;
            tls.OnAuthenticateAsClient = (_, authentication) => authentication.TargetHost = "dscache";
        }),
    };
}
