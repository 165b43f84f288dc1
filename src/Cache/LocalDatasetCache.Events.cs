namespace DatasetCache;

// What is told to whoever wants to know. All events are alike:
// - Only what this object does is raised. What other processes do to the same root is not heard of.
// - They are raised after the fact, on the thread that did it, perhaps while this host's space lock is held: a handler that takes long delays downloads, and
//   one that waits for a call to a cache of this root waits for ever. Hand over to a queue what takes long.
// - An exception in a handler harms neither the cache nor the handlers after it: it goes to HandlerFailed, and where nobody listens to that, nowhere.
public sealed partial class LocalDatasetCache
{
    /// <summary>
    /// A mutable dataset was found in a newer version than the one that this host had: raised by the call that fetched or found it, once, when the new
    /// version is ready. Where the version before has been evicted there is nothing to compare with, and nothing is raised.
    /// </summary>
    /// <remarks>Like all events: only of this object's own acts, on the thread that did it; do not wait in a handler for another call to a cache of this root.</remarks>
    public event EventHandler<EntryUpdatedEventArgs>? Updated;

    /// <summary>A handler of one of the other events threw. What this event's own handlers throw is dropped.</summary>
    public event EventHandler<ErrorEventArgs>? HandlerFailed;

    private void Raise<T>(EventHandler<T>? handlers, T what)
        where T : EventArgs
    {
        if (handlers is null)
            return;
        foreach (var handler in handlers.GetInvocationList())
        {
            try
            {
                ((EventHandler<T>)handler)(this, what);
            }
            catch (Exception e)
            {
                if (what is not ErrorEventArgs)
                    Raise(HandlerFailed, new ErrorEventArgs(e));
            }
        }
    }

    private void TellOfUpdate(Acquired acquired, string cacheKey)
    {
        if (acquired is { Changes: { } changes, PreviousKey: { } previous })
            Raise(Updated, new EntryUpdatedEventArgs(previous, cacheKey, changes));
    }
}
