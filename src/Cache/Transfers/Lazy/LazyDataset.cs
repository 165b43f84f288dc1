using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers.Peers;

namespace DatasetCache.Transfers.Lazy;

/// <summary>
/// A dataset that is read piece by piece without being here as a whole. What was read stays in the staging area of its identity, as a download's pieces do, so that getting all of it goes on
/// from there. While a download runs in this process its area is read, and what it lacks is fetched first.
/// </summary>
internal sealed class LazyDataset(LazyGround ground, string cacheKey, DatasetIdentity identity, IOrigin origin, string prefix, Manifest listing, DateTimeOffset since) : IDisposable
{
    /// <summary>How long an area is kept to itself that nobody reads: others may want to download, or the space.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);

    // Space is reserved so far ahead of what is read: each time it is under a lock of the whole host.
    private const long ReserveAhead = 64 * 1024 * 1024;

    // Pieces that one request to the origin brings, where the reader wants as many.
    private const int ReadAhead = 8;

    // A download of the same node that begins with the files that say what is selected comes to all others soon, and shares them with the cluster. Past this the origin is read beside it.
    private static readonly TimeSpan FirstFiles = TimeSpan.FromSeconds(5), Soon = TimeSpan.FromMilliseconds(20);

    private readonly SemaphoreSlim changing = new(1);
    private readonly TransferMeter meter = ground.NewMeter();
    private volatile LazySession? own;
    private int readers;
    private volatile Manifest selected = listing;
    private volatile Manifest planned = listing;
    private ClusterReading? shared;

    public string CacheKey => cacheKey;

    public DatasetIdentity Identity => identity;

    /// <summary>The staging area's.</summary>
    public string Name { get; } = StagingArea.NameFor(identity);

    public Manifest Listing { get; } = listing;

    /// <summary>Those of the listing that were selected.</summary>
    public Manifest Files => selected;

    public DateTimeOffset Since => since;

    /// <summary>When it was last read, by <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long LastUsed { get; private set; } = ground.Time.GetTimestamp();

    public bool IsIdle => Volatile.Read(ref readers) == 0;

    /// <summary>The origin has something else by now than the listing says: whoever opens the dataset lists anew.</summary>
    public bool IsStale { get; private set; }

    /// <summary>Of what the nodes of the cluster agreed on; null without a cluster.</summary>
    public string? AgreedDigest => shared?.Digest;

    /// <summary>Has the nodes of a cluster share pieces.</summary>
    /// <param name="first">What is read before it is known what is selected; empty where it is.</param>
    public void Share(ClusterNode node, string name, ManifestDocument agreed, Manifest first)
    {
        shared = new ClusterReading(node, name, agreed, meter);
        if (first.Files.Count > 0)
            planned = first;
    }

    /// <summary>Leaves only these files of the listing.</summary>
    public void Select(Manifest chosen) => selected = planned = chosen;

    public void Enter() => Interlocked.Increment(ref readers);

    public void Leave()
    {
        LastUsed = ground.Time.GetTimestamp();
        Interlocked.Decrement(ref readers);
    }

    /// <summary>Waits until a piece is in its file.</summary>
    /// <param name="file">By the number among <see cref="Files"/>.</param>
    /// <param name="count">How many pieces from there the reader wants.</param>
    /// <returns>The area that has it, its number there, and whether the origin was read for it; no area where the dataset is an entry by now.</returns>
    public async ValueTask<(StagingArea? Area, int File, Fetched Fetched)> PieceAsync(int file, int piece, int count, CancellationToken cancellationToken)
    {
        var fetched = Fetched.Nothing;
        long? unplanned = null;
        count = Math.Min(count, ReadAhead);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await SessionAsync(cancellationToken) is not { } session)
                return (null, 0, fetched);
            try
            {
                var number = session.NumberOf(selected.Files[file]);
                if (number < 0)
                    throw new OriginException(OriginFailure.Changed, $"{selected.Files[file].Path} of {cacheKey} is not what it was when the dataset was opened.", advice: "Open it again.");
                if (session.Area.IsReadable(number, piece))
                    return (session.Area, number, fetched);
                var together = session.Together(number, piece, count);
                if (together.Count == 0 && session != own && ground.Time.GetElapsedTime(unplanned ??= ground.Time.GetTimestamp()) < FirstFiles)
                {
                    await Task.Delay(Soon, ground.Time, cancellationToken);
                    continue;
                }
                if (session == own)
                    await ReserveAsync(session, together, cancellationToken);
                var fetch = session.FetchAsync(number, piece, count, out var isNew);
                if (!isNew)
                    ground.Tally.Prevented();
                // The first piece of several may be here long before the last.
                await (await Task.WhenAny(fetch, session.Area.WhenHere(number, piece)).WaitAsync(cancellationToken));
                fetched = session.IsFromPeer(number, piece) && fetched != Fetched.FromOrigin ? Fetched.FromPeer : Fetched.FromOrigin;
            }
            catch (OriginException e) when (e.Failure == OriginFailure.Changed)
            {
                IsStale = true;
                throw;
            }
            catch (Exception e) when (e is ObjectDisposedException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                // The download that we read along with has ended, one way or the other, or our own area was wanted.
                if (session.IsOver)
                    await EndAsync(session, cancellationToken);
            }
        }
    }

    /// <summary>Opens a file of the listing once all of it is here.</summary>
    public async ValueTask<FileHandle> WholeAsync(string path, CancellationToken cancellationToken)
    {
        using var reading = new LazyReading(this, ground);
        // LazyReading leaves when it ends.
        Enter();
        var number = reading.Find(path);
        using var file = await reading.OpenAsync(number, cancellationToken);
        var size = reading.File(number).Size;
        for (var at = 0L; at < Math.Max(1, size);)
            at += await file!.ReadyAsync(at, Math.Max(1, size - at), cancellationToken);
        return file!.TakeHandle();
    }

    // What failed for good makes place for another; a download's end takes a moment.
    private async Task EndAsync(LazySession session, CancellationToken cancellationToken)
    {
        if (session == own)
            await YieldAsync(onlyIdle: false, session);
        else
            await Task.Delay(Soon, ground.Time, cancellationToken);
    }

    private async ValueTask ReserveAsync(LazySession session, IReadOnlyList<(int File, int Piece)> pieces, CancellationToken cancellationToken)
    {
        var wanted = session.Promise(pieces, out var added);
        if (wanted <= session.Reserved)
            return;
        await changing.WaitAsync(cancellationToken);
        try
        {
            if (wanted <= session.Reserved || session != own)
                return;
            var written = session.Written();
            try
            {
                await ground.Space.ReserveAsync(session.Area, wanted + ReserveAhead, written, cancellationToken);
                session.Reserved = wanted + ReserveAhead;
            }
            catch (NoSpaceException)
            {
                // Not so much ahead, then.
                await ground.Space.ReserveAsync(session.Area, wanted, written, cancellationToken);
                session.Reserved = wanted;
            }
        }
        catch
        {
            session.TakeBack(added);
            throw;
        }
        finally
        {
            changing.Release();
        }
    }

    /// <summary>Whose area is read: that of a download under way, or our own, which is taken where nobody has it. Null where the dataset is an entry.</summary>
    private async ValueTask<LazySession?> SessionAsync(CancellationToken cancellationToken)
    {
        if (own is { } mine)
            return mine;
        while (true)
        {
            if (await ground.Turns.RunningAsync(Name, cancellationToken) is { } running)
                return running;
            await changing.WaitAsync(cancellationToken);
            try
            {
                if (own is { } taken)
                    return taken;
                if (ground.IsReady(identity))
                    return null;
                if (ground.Turns.IsTaken(Name))
                    continue;
                var area = await StagingArea.TakeAsync(ground.Root, Name, ground.LockTimeout, ground.Time, cancellationToken)
                    ?? throw new LockTimeoutException($"Another process has been downloading {cacheKey} for longer than {ground.LockTimeout}, and its pieces cannot be read before it is done.", "Ask again when it is.");
                try
                {
                    if (ground.IsReady(identity))
                    {
                        area.Dispose();
                        return null;
                    }
                    area.Begin(Listing, cancellationToken);
                    var download = new OriginDownload(origin, prefix, area, ground.Options, meter, ground.Time);
                    return own = new LazySession(area, download, shared is null ? null : await shared.BeginAsync(area, planned, download, cancellationToken)) { Shared = shared };
                }
                catch
                {
                    area.Dispose();
                    throw;
                }
            }
            finally
            {
                changing.Release();
            }
        }
    }

    /// <summary>Lets go of our own area; what is in it stays for who takes it next.</summary>
    /// <param name="onlyIdle">Not while it is read.</param>
    /// <param name="only">Only if it is this one still.</param>
    public async Task YieldAsync(bool onlyIdle, LazySession? only = null)
    {
        // Somebody may be taking it this moment.
        if (onlyIdle && own is null)
            return;
        await changing.WaitAsync(CancellationToken.None);
        try
        {
            if (own is not { } session || (only is not null && only != session) || (onlyIdle && (!IsIdle || ground.Time.GetElapsedTime(LastUsed) < Idle)))
                return;
            own = null;
            await session.EndAsync(handsOver: !onlyIdle);
        }
        finally
        {
            changing.Release();
        }
    }

    /// <summary>The same where nobody reads this moment, without waiting for anybody.</summary>
    public async Task LetGoAsync()
    {
        if (!IsIdle || !await changing.WaitAsync(0))
            return;
        try
        {
            if (own is not { } session || !IsIdle)
                return;
            own = null;
            await session.EndAsync(handsOver: false);
        }
        finally
        {
            changing.Release();
        }
    }

    public TransferMeter Meter => meter;

    /// <summary>Tells the cluster what is here, now and then.</summary>
    public Task RemindAsync() => own is null && shared is not null ? shared.RemindAsync() : Task.CompletedTask;

    /// <summary>Tells the cluster that it is nobody's any more.</summary>
    public Task ForgetAsync() => shared?.ForgetAsync() ?? Task.CompletedTask;

    public void Dispose()
    {
        shared?.Dispose();
        own?.Area.Dispose();
        own = null;
    }
}
