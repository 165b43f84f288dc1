namespace DatasetCache.Cli.Running;

/// <summary>
/// Finds a command as a shell does. <see cref="System.Diagnostics.Process"/> would look beside dscache and in the current directory first,
/// and start another program than the person meant.
/// </summary>
internal static class Executable
{
    /// <summary>The file to execute; or null and why not, as a shell's exit code.</summary>
    public static string? Find(string command, string? searchPath, out int exitCode)
    {
        exitCode = ExitCode.CommandNotFound;
        if (command.Length == 0)
            return null;
        var candidates = command.Contains('/', StringComparison.Ordinal)
            ? [Path.GetFullPath(command)]
            : (searchPath ?? "/usr/local/bin:/usr/bin:/bin").Split(':').Select(folder => Path.GetFullPath(Path.Combine(folder.Length == 0 ? "." : folder, command)));
        foreach (var candidate in candidates)
        {
            if (Directory.Exists(candidate) && command.Contains('/', StringComparison.Ordinal))
                exitCode = ExitCode.NotExecutable;
            if (!File.Exists(candidate))
                continue;
            if (Native.Access(candidate, Native.ExecutePermission) == 0)
                return candidate;
            exitCode = ExitCode.NotExecutable;
        }
        return null;
    }
}
