using DatasetCache.Datasets;
using DatasetCache.Integrity;
using DatasetCache.Transfers;

namespace DatasetCache.Store;

/// <summary>What becomes of an area that an earlier owner left.</summary>
internal sealed partial class StagingArea
{
    /// <summary>
    /// Sets the listing to work on and keeps whatever an earlier owner left that still belongs to it: pieces of the same path, size and
    /// ETag whose bytes have the checksum that the journal says. All else is removed.
    /// </summary>
    public void Begin(Manifest listing, CancellationToken cancellationToken = default)
    {
        journal?.Dispose();
        shared.Clear();
        directories.Clear();
        pieces = new Pieces(listing);
        var id = listing.Digest[..16];
        var sameListing = false;
        foreach (var (old, _) in Directory.List())
        {
            if (!old.StartsWith("listing-", StringComparison.Ordinal))
                continue;
            sameListing |= string.Equals(old, "listing-" + id, StringComparison.Ordinal);
            Keep(old["listing-".Length..], cancellationToken);
        }
        RemoveStrangers();
        if (sameListing)
            CutTornTail("journal-" + id);
        else
            WriteListing(listing, id);
        journal = Directory.OpenAppend("journal-" + id, OpenFile);
    }

    private void Keep(string oldId, CancellationToken cancellationToken)
    {
        if (ManifestText.Read(Directory, "listing-" + oldId) is not { } lines || Directory.TryReadAll("journal-" + oldId) is not { } bytes)
            return;
        var current = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < Listing.Files.Count; i++)
            current[Listing.Files[i].Path] = i;
        var last = new Dictionary<(int File, int Piece), uint>();
        foreach (var record in Journal.Read(bytes))
            last[(record.File, record.Piece)] = record.Checksum;
        var buffer = new byte[Pieces.Size];
        foreach (var group in last.GroupBy(record => record.Key.File))
        {
            if (group.Key >= lines.Count || !current.TryGetValue(lines[group.Key].File.Path, out var file) || lines[group.Key].File != Listing.Files[file])
                continue;
            using var content = Tree.TryOpen(Listing.Files[file].Path);
            // A file of another length is torn, whatever its pieces say; one with a second name is another entry's too, and not ours to mend.
            if (content?.Status() is not { Links: 1 } status || status.Size != Listing.Files[file].Size)
                continue;
            foreach (var ((_, piece), checksum) in group)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (piece >= Pieces.Count(file))
                    continue;
                var wanted = buffer.AsSpan(0, Pieces.LengthOf(Listing.Files[file].Size, piece));
                if (content.Read(wanted, (long)piece * Pieces.Size) == wanted.Length && Crc32C.Of(wanted) == checksum)
                    Pieces.Complete(file, piece, checksum);
            }
            if (CacheRoot.IsForeign(status))
            {
                if (status.Mode != SealedFile || !Pieces.HasAll(file))
                    TakeOver(file, content, buffer);
            }
            // Sealed by a publish that failed: whoever is not root could not write the rest.
            else if (!Pieces.HasAll(file) && status.Mode != OpenFile)
                content.ChangeMode(OpenFile);
        }
    }

    // Another member of the group began it: we could write the rest, and never seal it. Piece by piece it becomes a file of ours, and takes no more space.
    private void TakeOver(int file, FileHandle theirs, byte[] buffer)
    {
        const string name = "taken-over";
        var entry = Listing.Files[file];
        Directory.Delete(name);
        using (var ours = Directory.Create(name, OpenFile))
        using (var emptied = (theirs.Status().Mode & GroupModes.GroupWrite) != 0 ? Tree.TryOpenWritable(entry.Path) : null)
        {
            ours.SetLength(entry.Size);
            for (var piece = 0; piece < Pieces.Count(file); piece++)
            {
                if (!Pieces.Has(file, piece))
                    continue;
                var bytes = buffer.AsSpan(0, Pieces.LengthOf(entry.Size, piece));
                var offset = (long)piece * Pieces.Size;
                if (theirs.Read(bytes, offset) != bytes.Length || Crc32C.Of(bytes) != Pieces.Checksum(file, piece))
                {
                    Pieces.Forget(file, piece);
                    continue;
                }
                ours.Write(bytes, offset);
                emptied?.PunchHole(offset, bytes.Length);
            }
        }
        Directory.Move(name, Tree, entry.Path);
    }

    // Nobody reads on behind a torn record: what this run appends would be lost to the next one.
    private void CutTornTail(string name)
    {
        if (Directory.TryReadAll(name) is not { } bytes)
            return;
        var whole = Journal.Read(bytes).Count() * Journal.RecordSize;
        if (whole == bytes.Length)
            return;
        using var file = Directory.TryOpenWritable(name);
        file?.SetLength(whole);
    }

    private void RemoveStrangers()
    {
        var kept = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < Listing.Files.Count; i++)
        {
            if (Pieces.HasAny(i))
                kept.Add(Listing.Files[i].Path);
        }
        RemoveAllBut(Tree, "", kept);
    }

    // True where nothing is left.
    private static bool RemoveAllBut(DirectoryHandle directory, string path, HashSet<string> kept)
    {
        var empty = true;
        foreach (var (name, isDirectory) in directory.List())
        {
            if (isDirectory)
            {
                using var child = directory.OpenDirectory(name);
                child.ChangeMode(0x1ED);
                if (RemoveAllBut(child, path + name + "/", kept))
                    directory.DeleteTree(name);
                else
                    empty = false;
            }
            else if (kept.Contains(path + name))
                empty = false;
            else
                directory.Delete(name);
        }
        return empty;
    }

    // The new pair stands complete before the old one goes, so that a crash in between loses nothing.
    private void WriteListing(Manifest listing, string id)
    {
        Directory.Delete("journal-" + id);
        using (var carried = Directory.OpenAppend("journal-" + id, OpenFile))
        {
            for (var file = 0; file < listing.Files.Count; file++)
            {
                for (var piece = 0; piece < Pieces.Count(file); piece++)
                {
                    if (Pieces.Has(file, piece))
                        Journal.Append(carried, new Journal.Record(file, piece, Pieces.Checksum(file, piece)));
                }
            }
        }
        Directory.Delete("listing.new");
        using (var text = Directory.Create("listing.new", OpenFile))
            ManifestText.Write(text, listing, pieces: null);
        Directory.Move("listing.new", Directory, "listing-" + id);
        foreach (var (name, _) in Directory.List())
        {
            if ((name.StartsWith("listing-", StringComparison.Ordinal) || name.StartsWith("journal-", StringComparison.Ordinal)) && !name.EndsWith(id, StringComparison.Ordinal))
                Directory.Delete(name);
        }
    }
}
