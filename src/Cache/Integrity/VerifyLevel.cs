namespace DatasetCache.Integrity;

/// <summary>How closely an entry is looked at.</summary>
public enum VerifyLevel
{
    /// <summary>Names, kinds, sizes and modes, and files that nobody published: reads no data, so a hole or a flipped bit passes.</summary>
    Fast,

    /// <summary>Every piece against the CRC32C of its download.</summary>
    Pieces,

    /// <summary>The same, and every file against the digest that its origin names, where it names one.</summary>
    Full,
}
