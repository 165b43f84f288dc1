using System.Security.Cryptography;
using DatasetCache.Datasets;
using DatasetCache.Origins;
using DatasetCache.Store;
using DatasetCache.Transfers;

namespace DatasetCache.Integrity;

/// <summary>
/// Makes a lost manifest again: what the origin lists, of what the tree has, is it if it has the digest that the entry's record names. Checksums are
/// taken from files that have the MD5 that is their object's ETag; the others must be fetched.
/// </summary>
internal static class ManifestRebuild
{
    /// <exception cref="BeyondHealingException">The origin lists something else by now, or the tree has lost files.</exception>
    public static async Task<(IReadOnlyList<ManifestText.Line> Lines, IReadOnlyList<FileFault> Unproven)> RunAsync(
        EntryRecord record, DirectoryHandle tree, IOrigin origin, CancellationToken cancellationToken)
    {
        var files = new List<ManifestFile>();
        await foreach (var listed in origin.ListAsync(record.Prefix, cancellationToken))
        {
            if (DatasetPath.FromKey(listed.Key, record.Prefix, listed.Size) is { } path && SafeTree.StatusOf(tree, path) is not null)
                files.Add(new ManifestFile(path, listed.Size, listed.ETag));
        }
        var manifest = new Manifest(files);
        if (!string.Equals(manifest.Digest, record.ManifestDigest, StringComparison.Ordinal))
            throw new BeyondHealingException($"its manifest is lost, and what {record.Origin}/{record.Prefix} lists now is not what the manifest named");
        var lines = new List<ManifestText.Line>();
        var unproven = new List<FileFault>();
        foreach (var file in manifest.Files)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var checksums = Prove(tree, file);
            if (checksums is null)
                unproven.Add(new FileFault(file.Path, FileFaultKind.WrongDigest, [], "its checksums are lost with the manifest, and nothing else proves it"));
            lines.Add(new ManifestText.Line(file, checksums ?? new uint[Pieces.CountFor(file.Size)]));
        }
        return (lines, unproven);
    }

    // The checksums of a file's pieces, if the whole has its ETag for MD5.
    private static uint[]? Prove(DirectoryHandle tree, ManifestFile file)
    {
        if (file.ETag.Length != 32 || !file.ETag.All(char.IsAsciiHexDigit))
            return null;
        using var content = SafeTree.TryOpen(tree, file.Path);
        if (content?.Status() is not { IsRegularFile: true } status || status.Size != file.Size)
            return null;
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        var checksums = new uint[Pieces.CountFor(file.Size)];
        var buffer = new byte[(int)Math.Min(file.Size, Pieces.Size)];
        try
        {
            for (var piece = 0; piece < checksums.Length; piece++)
            {
                var part = buffer.AsSpan(0, Pieces.LengthOf(file.Size, piece));
                if (content.Read(part, (long)piece * Pieces.Size) != part.Length)
                    return null;
                md5.AppendData(part);
                checksums[piece] = Crc32C.Of(part);
            }
        }
        catch (StorageException)
        {
            return null;
        }
        return string.Equals(Convert.ToHexStringLower(md5.GetHashAndReset()), file.ETag, StringComparison.OrdinalIgnoreCase) ? checksums : null;
    }
}
