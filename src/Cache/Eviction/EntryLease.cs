using DatasetCache.Store;

namespace DatasetCache.Eviction;

/// <summary>
/// A shared lock on an entry's lease file. Whoever wants to evict the entry needs it exclusively; a holder that dies lets go by dying.
/// </summary>
internal sealed class EntryLease(EntryRecord record, FileHandle file) : IDisposable
{
    public EntryRecord Record { get; } = record;

    public void Dispose() => file.Dispose();
}
