using DatasetCache.Coordination;

namespace DatasetCache.Simulation.Coordination;

// Who lists the origin, and which listing counts.
public sealed partial class CoordinatorTests
{
    [Fact]
    public void One_node_lists_and_a_failure_passes_it_on()
    {
        Know("a", "b");
        Assert.Equal(ManifestDecision.ListOrigin, Ask("a").Decision);
        Assert.Equal(ManifestDecision.Wait, Ask("b").Decision);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Failed = "no route", IsNotice = true }, now);
        var second = Ask("b");
        Assert.Equal((ManifestDecision.ListOrigin, "no route"), (second.Decision, second.LastFailure));
        coordinator.Manifest(new ManifestRequest { From = Peer("b"), Seen = Epoch.None, Listed = "d1" }, now);
        Assert.Equal("d1", Ask("a").Digest);
    }

    [Fact]
    public void A_question_that_its_answer_overtook_takes_no_listing_away()
    {
        Know("a", "b");
        var question = new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 1 };
        Assert.Equal(ManifestDecision.ListOrigin, coordinator.Manifest(question, now).Decision);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 3, Listed = "d1" }, now);
        foreach (var late in new[] { question, question with { Number = 2 } })
            Assert.Equal(ManifestDecision.Wait, coordinator.Manifest(late, now).Decision);
        Assert.Equal(("d1", 1), (Ask("b").Digest, Ask("b").Holders.Count));
        coordinator.Manifest(question with { Number = 4 }, now);
        Assert.Empty(Ask("b").Holders);
    }

    [Fact]
    public void What_the_origin_said_counts_though_its_message_was_overtaken()
    {
        Know("a", "b");
        Ask("a");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 2, Listed = "d1" }, now);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 1, Contradicted = "d1" }, now);
        Assert.Equal(ManifestDecision.ListOrigin, Ask("b").Decision);
        coordinator.Manifest(new ManifestRequest { From = Peer("b"), Seen = Epoch.None, Number = 4, IsNotice = true }, now);
        coordinator.Manifest(new ManifestRequest { From = Peer("b"), Seen = Epoch.None, Number = 3, Failed = "no route", IsNotice = true }, now);
        Assert.Equal(ManifestDecision.ListOrigin, Ask("a").Decision);
    }

    [Fact]
    public void A_node_whose_clock_was_set_back_waits_no_longer_than_a_message_can_be_late()
    {
        Know("a");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 1000 }, now);
        var back = new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Number = 1 };
        Assert.Equal(ManifestDecision.Wait, coordinator.Manifest(back, now).Decision);
        now += new CoordinatorOptions().LatestMessage;
        Assert.Equal(ManifestDecision.ListOrigin, coordinator.Manifest(back with { Number = 2 }, now).Decision);
        Assert.Equal(ManifestDecision.ListOrigin, coordinator.Manifest(back with { Number = 3 }, now).Decision);
    }

    [Fact]
    public void Who_waits_for_a_listing_asks_soon_at_first_and_seldom_when_it_takes_long()
    {
        Know("a", "b");
        Ask("a");
        Assert.Equal(10, Ask("b").Pause.TotalMilliseconds);
        now += TimeSpan.FromMilliseconds(200);
        Assert.Equal(50, Ask("b").Pause.TotalMilliseconds);
        now += TimeSpan.FromSeconds(5);
        Assert.Equal(100, Ask("b").Pause.TotalMilliseconds);
    }

    [Fact]
    public void A_contradicted_listing_is_not_handed_out_again_and_its_downloads_start_over()
    {
        Know("a", "b");
        Ask("a");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Listed = "d1" }, now);
        Join("b");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Contradicted = "d1", IsNotice = true }, now);
        Assert.True(Report("b").Superseded);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Listed = "d1", IsNotice = true }, now);
        Assert.NotEqual("d1", Ask("b").Digest);
    }

    [Fact]
    public void Whoever_was_out_of_reach_when_its_manifest_was_contradicted_starts_over_when_it_is_back()
    {
        Know("a", "b");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Listed = "d1" }, now);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Contradicted = "d1", IsNotice = true }, now);
        Assert.True(Join("b").Superseded);
    }

    [Fact]
    public void Whoever_contradicts_a_manifest_late_leaves_those_alone_who_go_by_a_newer_one()
    {
        Know("a", "b");
        // A new activation: it hears of the older one's listing after somebody began by the newer.
        Join("b");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Listed = "d1", ListedAge = TimeSpan.FromSeconds(1) }, now);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Contradicted = "d0", IsNotice = true }, now);
        Assert.False(Report("b").Superseded);
    }

    [Fact]
    public void What_the_origin_has_again_is_handed_out_again()
    {
        Know("a", "b");
        Ask("a");
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Listed = "d1" }, now);
        coordinator.Manifest(new ManifestRequest { From = Peer("a"), Seen = Epoch.None, Contradicted = "d1", IsNotice = true }, now);
        now += TimeSpan.FromSeconds(10);
        Assert.Equal(ManifestDecision.ListOrigin, Ask("b").Decision);
        now += TimeSpan.FromSeconds(1);
        coordinator.Manifest(new ManifestRequest { From = Peer("b"), Seen = Epoch.None, Listed = "d1" }, now);
        Assert.Equal("d1", Ask("a").Digest);
    }

    [Fact]
    public void A_listing_that_is_handed_on_is_no_younger_for_it()
    {
        Know("a", "b", "c");
        var fresh = TimeSpan.FromMinutes(30);
        ManifestReply Of(string node, string? listed, TimeSpan age) =>
            coordinator.Manifest(new ManifestRequest { From = Peer(node), Seen = Epoch.None, MaxAge = fresh, Listed = listed, ListedAge = age }, now);
        Of("a", listed: null, default);
        Of("a", "d1", TimeSpan.Zero);
        now += TimeSpan.FromMinutes(20);
        Assert.Equal("d1", Of("b", listed: null, default).Digest);
        Of("b", "d1", TimeSpan.FromMinutes(20));
        now += TimeSpan.FromMinutes(15);
        Assert.Equal(ManifestDecision.ListOrigin, Of("c", listed: null, default).Decision);
        // What it held before it was told to list is no answer.
        Assert.Equal(ManifestDecision.ListOrigin, Of("c", "d1", TimeSpan.FromMinutes(35)).Decision);
    }

    [Fact]
    public void A_job_gets_the_version_that_its_first_rank_got()
    {
        Know("a", "b");
        var fresh = TimeSpan.FromMinutes(30);
        ManifestReply Of(string node, string job, string? listed = null) =>
            coordinator.Manifest(new ManifestRequest { From = Peer(node), Seen = Epoch.None, JobId = job, MaxAge = fresh, Listed = listed }, now);
        Assert.Equal(ManifestDecision.ListOrigin, Of("a", "job").Decision);
        Assert.Equal("d1", Of("a", "job", "d1").Digest);
        now += TimeSpan.FromHours(1);
        Assert.Equal("d1", Of("b", "job").Digest);
        Assert.Equal(ManifestDecision.ListOrigin, Of("b", "other").Decision);
    }
}
