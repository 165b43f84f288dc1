namespace DatasetCache.Transfers.Lazy;

/// <summary>Whose turn a staging area is, within this process: a download's, which readers then read along with, or the readers' own.</summary>
internal sealed class StagingTurns
{
    private readonly Lock gate = new();
    private readonly Dictionary<string, Place> places = new(StringComparer.Ordinal);

    /// <summary>Has readers let go of an area.</summary>
    public Func<string, Task>? Yield { get; set; }

    /// <summary>A download wants an area: readers let go of it, and wait for what the download offers.</summary>
    public async Task<Turn> BeginAsync(string name)
    {
        lock (gate)
        {
            if (!places.TryGetValue(name, out var place))
                places[name] = place = new Place();
            place.Users++;
        }
        var turn = new Turn(this, name);
        try
        {
            if (Yield is not null)
                await Yield(name);
            return turn;
        }
        catch
        {
            turn.Dispose();
            throw;
        }
    }

    public bool IsTaken(string name)
    {
        lock (gate)
            return places.ContainsKey(name);
    }

    /// <summary>The download of an area that can be read along with, as soon as it can; null where there is none.</summary>
    public async ValueTask<LazySession?> RunningAsync(string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task changed;
            lock (gate)
            {
                if (!places.TryGetValue(name, out var place))
                    return null;
                if (place.Session is { } session)
                    return session;
                changed = place.Changed.Task;
            }
            await changed.WaitAsync(cancellationToken);
        }
    }

    private void Change(string name, Action<Place> change)
    {
        TaskCompletionSource changed;
        lock (gate)
        {
            var place = places[name];
            change(place);
            if (place.Users == 0)
                places.Remove(name);
            changed = place.Changed;
            place.Changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
        changed.SetResult();
    }

    private sealed class Place
    {
        public int Users { get; set; }

        public LazySession? Session { get; set; }

        public TaskCompletionSource Changed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    internal sealed class Turn(StagingTurns turns, string name) : IDisposable
    {
        private LazySession? mine;
        private int ended;

        /// <summary>Has readers read along; with null they wait for what comes next.</summary>
        public void Offer(LazySession? session) => turns.Change(name, place =>
        {
            if (session is not null || place.Session == mine)
                place.Session = session;
            mine = session;
        });

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) != 0)
                return;
            turns.Change(name, place =>
            {
                if (mine is not null && place.Session == mine)
                    place.Session = null;
                place.Users--;
            });
        }
    }
}
