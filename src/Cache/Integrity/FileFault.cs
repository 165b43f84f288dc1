namespace DatasetCache.Integrity;

public enum FileFaultKind
{
    /// <summary>The manifest names it and it is not there.</summary>
    Missing,

    /// <summary>A directory, a link or something stranger stands where a file should be.</summary>
    NotAFile,

    WrongSize,

    /// <summary>Pieces do not have the checksums of their download.</summary>
    WrongBytes,

    /// <summary>The whole does not have the digest that the origin names, although its pieces are as they were downloaded.</summary>
    WrongDigest,

    /// <summary>The disk or its permissions do not let it be read.</summary>
    Unreadable,

    /// <summary>The manifest does not name it: a job would read what nobody published.</summary>
    Unexpected,
}

/// <summary>What is wrong with one file of an entry.</summary>
/// <param name="Path">Below the snapshot's directory.</param>
/// <param name="Pieces">The broken pieces of 1 MiB, by number from 0; empty where the whole file is meant.</param>
/// <param name="Words">The same for people, without the path.</param>
public sealed record FileFault(string Path, FileFaultKind Kind, IReadOnlyList<int> Pieces, string Words)
{
    public override string ToString() => $"{Path}: {Words}";
}
