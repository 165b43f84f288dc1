using DatasetCache.Eviction;
using DatasetCache.Moving;
using DatasetCache.Transfers;

namespace DatasetCache;

// Entries on their way to another host, by an archive.
public sealed partial class LocalDatasetCache
{
    /// <summary>Writes entries into a tar. Each piece is checked while it is read.</summary>
    /// <param name="cacheKeys">Which; each is leased until the end.</param>
    /// <param name="output">Written from front to back; after an exception it lacks its end, and no import takes more than whole entries from it.</param>
    /// <exception cref="DatasetNotFoundException">There is no such entry; nothing was written.</exception>
    /// <exception cref="IntegrityException">An entry is broken.</exception>
    public Task<ExportReport> ExportAsync(IReadOnlyList<string> cacheKeys, Stream output, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cacheKeys);
        ArgumentNullException.ThrowIfNull(output);
        return Task.Run(() => Export(cacheKeys, output, progress, cancellationToken), cancellationToken);
    }

    /// <summary>The same into a file, which is there when it is whole and not before; null for this process's standard output.</summary>
    /// <exception cref="StorageException">The file cannot be written.</exception>
    public Task<ExportReport> ExportAsync(IReadOnlyList<string> cacheKeys, string? file, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cacheKeys);
        if (file is null)
        {
            return Task.Run(() =>
            {
                using var output = ArchiveOutput.OfProcess();
                return Export(cacheKeys, output, progress, cancellationToken);
            }, cancellationToken);
        }
        return Task.Run(() => ArchiveFile.Write(Path.GetFullPath(file), output => Export(cacheKeys, output, progress, cancellationToken)), cancellationToken);
    }

    private ExportReport Export(IReadOnlyList<string> cacheKeys, Stream output, IProgress<AcquireProgress>? progress, CancellationToken cancellationToken)
    {
        var leases = new List<EntryLease>();
        try
        {
            foreach (var key in cacheKeys.Distinct(StringComparer.Ordinal))
            {
                RefuseBadKey(key);
                if (entries.IsBroken(key))
                    throw CheckedContent.Broken(key, "it was found broken and is withdrawn");
                leases.Add(entries.TryLease(key, identity: null) ?? throw new DatasetNotFoundException($"The cache in {root.Path} has no entry '{key}'. Nothing was exported.", "`dscache ls` lists the entries."));
            }
            // Older before younger: what entries share goes with the first, and is there when the next is imported.
            leases.Sort((a, b) => a.Record.PublishedAt.CompareTo(b.Record.PublishedAt));
            return new EntryExport(root, entries, new TransferMeter(), progress).Write(leases, output, cancellationToken);
        }
        finally
        {
            foreach (var lease in leases)
                lease.Dispose();
        }
    }

    /// <summary>
    /// Takes entries out of an archive. Nothing in it is believed: every path, size and checksum is proven before an entry is ready. What it says of the
    /// contents' origin cannot be proven: take archives only from whom you trust.
    /// </summary>
    /// <exception cref="IntegrityException">The archive is cut short or refused; entries that were whole before that are ready.</exception>
    /// <exception cref="NoSpaceException">An entry does not fit.</exception>
    public Task<ImportReport> ImportAsync(Stream input, ImportLimits? limits = null, IProgress<AcquireProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(input);
        return Task.Run(async () =>
        {
            using var import = new EntryImport(root, entries, index, space, sweep, options, time, limits ?? new ImportLimits(), new TransferMeter(), progress);
            try
            {
                return await import.RunAsync(input, cancellationToken);
            }
            catch (IntegrityException e) when (import.Done.Count > 0)
            {
                throw new IntegrityException($"{e.Message} Ready before that: {string.Join(", ", import.Done.Select(entry => entry.CacheKey))}.", e.Advice, e);
            }
        }, cancellationToken);
    }
}
