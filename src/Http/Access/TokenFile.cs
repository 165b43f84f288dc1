using Microsoft.Extensions.Logging;

namespace DatasetCache.Http.Access;

/// <summary>
/// The file <c>api.tokens</c>, looked at again when somebody comes and a second has passed: a file system's own news do not come from every file that may be mounted there.
/// A broken file changes nothing.
/// </summary>
internal sealed partial class TokenFile
{
    private const int Largest = 1 << 20;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private readonly TimeProvider time;
    private readonly ILogger logger;
    private readonly Lock gate = new();
    private byte[] read;
    private string? trouble;
    private long looked;
    private volatile TokenList tokens;

    /// <exception cref="FormatException">What stands in it is wrong.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It cannot be read.</exception>
    public TokenFile(string path, TimeProvider time, ILogger logger)
    {
        (Path, this.time, this.logger) = (path, time, logger);
        read = ReadFile(path);
        tokens = TokenList.Parse(read);
        looked = time.GetTimestamp();
    }

    public string Path { get; }

    public TokenList Now
    {
        get
        {
            if (time.GetElapsedTime(Interlocked.Read(ref looked)) >= LookEvery)
                Look();
            return tokens;
        }
    }

    /// <summary>What is wrong with a file, in words; null where it can be used.</summary>
    public static string? Problem(string path)
    {
        try
        {
            return TokenList.Parse(ReadFile(path)).Count == 0 ? "there is no token in it" : null;
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private static byte[] ReadFile(string path)
    {
        if (File.GetUnixFileMode(path).HasFlag(UnixFileMode.OtherWrite))
            throw new UnauthorizedAccessException("everybody on this host may write it, and so let anybody in: chmod o-w");
        using var file = File.OpenRead(path);
        var buffer = new byte[Largest + 1];
        var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= Largest ? buffer[..length] : throw new FormatException("it is larger than 1 MiB");
    }

    private void Look()
    {
        lock (gate)
        {
            if (time.GetElapsedTime(looked) < LookEvery)
                return;
            Interlocked.Exchange(ref looked, time.GetTimestamp());
            string? wrong = null;
            try
            {
                var now = ReadFile(Path);
                if (now.AsSpan().SequenceEqual(read) && trouble is null)
                    return;
                tokens = TokenList.Parse(now);
                read = now;
                Changed(logger, Path, tokens.Count);
            }
            catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
            {
                wrong = e.Message;
            }
            // Said once, and not with every request.
            if (wrong is not null && !string.Equals(wrong, trouble, StringComparison.Ordinal))
                Kept(logger, Path, wrong);
            trouble = wrong;
        }
    }

    [LoggerMessage(21, LogLevel.Information, "The tokens of {File} have changed: there are {Count} now")]
    private static partial void Changed(ILogger logger, string file, int count);

    [LoggerMessage(22, LogLevel.Error, "The tokens of {File} cannot be used, and those from before stay: {Reason}")]
    private static partial void Kept(ILogger logger, string file, string reason);
}
