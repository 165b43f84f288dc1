namespace DatasetCache;

/// <summary>What kind of thing went wrong. Stable: exit codes and API errors are made from it.</summary>
public enum ErrorCode
{
    /// <summary>A defect of DatasetCache itself.</summary>
    Internal,
    /// <summary>The caller asked for something that makes no sense; the message says what.</summary>
    InvalidArgument,
    /// <summary>A setting is missing, unreadable or contradicts another; the message names it and where it was looked for.</summary>
    Configuration,
    /// <summary>The dataset, or an object that it needs, does not exist at the origin.</summary>
    NotFound,
    /// <summary>The origin refused the credentials.</summary>
    AccessDenied,
    /// <summary>The origin could not be reached or kept failing after all retries.</summary>
    OriginUnreachable,
    /// <summary>The origin answered, and will not have the request (HTTP 400, 405 …): the same one will not do better later.</summary>
    OriginRejected,
    /// <summary>The dataset changed at the origin while it was being read.</summary>
    SourceChanged,
    /// <summary>Bytes are not what they should be: wrong dataset version hash, hostile key, broken entry.</summary>
    Integrity,
    /// <summary>The dataset does not fit: the cache's quota or the disk's free-space floor.</summary>
    NoSpace,
    /// <summary>Somebody else held the lock longer than the caller wanted to wait.</summary>
    LockTimeout,
    /// <summary>The local disk or its permissions failed.</summary>
    StorageFailed,
}

/// <summary>The root of everything that this library throws on purpose. It says what happened and what to do next.</summary>
public abstract class DatasetCacheException(ErrorCode code, string message, string? advice, Exception? inner = null)
    : Exception(message, inner)
{
    public ErrorCode Code { get; } = code;

    /// <summary>One sentence that tells a person what to do, or null where the message says all.</summary>
    public string? Advice { get; } = advice;

    /// <summary>Whether the same call may succeed later without anybody changing anything.</summary>
    public virtual bool IsWorthRetrying => Code is ErrorCode.OriginUnreachable or ErrorCode.SourceChanged or ErrorCode.NoSpace or ErrorCode.LockTimeout;
}

/// <summary>The caller's arguments make no sense.</summary>
public sealed class InvalidRequestException(string message, string? advice = null)
    : DatasetCacheException(ErrorCode.InvalidArgument, message, advice);

/// <summary>A setting is missing, unreadable or contradicts another.</summary>
public sealed class ConfigurationException(string setting, string message, string? advice = null)
    : DatasetCacheException(ErrorCode.Configuration, message, advice)
{
    /// <summary>The canonical name of the setting, for example <c>origin.bucket</c>.</summary>
    public string Setting { get; } = setting;
}

/// <summary>The dataset is not on disk, and the origin must not be asked.</summary>
public sealed class OfflineException(string message, string? advice = null)
    : DatasetCacheException(ErrorCode.NotFound, message, advice)
{
    internal static OfflineException Of(string dataset) => new(
        $"{dataset} is not in the cache, and the origin must not be asked (offline).", "Get it once without --offline (DSCACHE_OFFLINE).");
}

/// <summary>Bytes, keys or hashes are not what they should be.</summary>
public sealed class IntegrityException(string message, string? advice = null, Exception? inner = null)
    : DatasetCacheException(ErrorCode.Integrity, message, advice, inner);

/// <summary>The dataset as asked for is not at the origin, or names images that are not.</summary>
public sealed class DatasetNotFoundException(string message, string? advice = null)
    : DatasetCacheException(ErrorCode.NotFound, message, advice);

/// <summary>The dataset does not fit. All numbers are bytes as the disk allocates them.</summary>
public sealed class NoSpaceException(string message, long needed, long available, string? advice = null, Exception? inner = null, bool fitsAtAll = true)
    : DatasetCacheException(ErrorCode.NoSpace, message, advice, inner)
{
    /// <summary>False where it is larger than the whole cache may be: nothing that others free can help.</summary>
    public override bool IsWorthRetrying => fitsAtAll;

    /// <summary>The disk itself said that it is full (ENOSPC, EDQUOT): it does not say how much is missing.</summary>
    public bool IsDiskFull { get; init; }

    public long BytesNeeded { get; } = needed;

    public long BytesAvailable { get; } = available;
}

/// <summary>Somebody else held the lock longer than the caller wanted to wait.</summary>
public sealed class LockTimeoutException(string message, string? advice = null)
    : DatasetCacheException(ErrorCode.LockTimeout, message, advice);

/// <summary>The local disk or its permissions failed; carries errno.</summary>
public sealed class StorageException(string message, int errno = 0, string? advice = null, Exception? inner = null)
    : DatasetCacheException(ErrorCode.StorageFailed, message, advice, inner)
{
    public int Errno { get; } = errno;
}
