namespace DatasetCache.Http.Serving;

/// <summary>What a node's process says and returns when it does not start: the exit codes of dscache, of sysexits.h where one fits.</summary>
internal static class NodeExit
{
    public static async Task<int> ReportAsync(string program, DatasetCacheException e)
    {
        await Console.Error.WriteLineAsync($"{program}: {e.Message}{(e.Advice is null ? "" : "\n  " + e.Advice)}");
        return e.Code switch
        {
            ErrorCode.InvalidArgument => 64,
            ErrorCode.LockTimeout => 75,
            ErrorCode.StorageFailed => 74,
            ErrorCode.Configuration => 78,
            _ => 70,
        };
    }
}

/// <summary>The node ended with something that nobody has foreseen.</summary>
internal sealed class NodeFailedToStartException(string message, string advice, Exception inner) : DatasetCacheException(ErrorCode.Internal, message, advice, inner)
{
    public static NodeFailedToStartException Of(Exception e)
        => new($"The node ended with {e.GetType().Name}: {e.Message}", "That is a defect; Logging__LogLevel__Default=Debug in the environment says more.", e);
}
