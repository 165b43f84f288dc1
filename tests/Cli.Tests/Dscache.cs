using System.Diagnostics;
using System.Runtime.InteropServices;

namespace DatasetCache.Cli.Tests;

/// <summary>
/// The real dscache in a process of its own, in a fresh world: a cache root, a folder as origin, a job directory, and an environment that
/// holds nothing of the machine's.
/// </summary>
internal sealed partial class Dscache : IDisposable
{
    // Long enough for the slowest machine; a test that waits this long has failed.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public Dscache()
    {
        Directory.CreateDirectory(JobDirectory);
        File.WriteAllText(In("dscache.json"), "{}");
        Environment = new(StringComparer.Ordinal)
        {
            ["PATH"] = System.Environment.GetEnvironmentVariable("PATH")!,
            ["HOME"] = Folder,
            ["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "../../..")),
            ["DSCACHE_ROOT"] = In("cache"),
            ["DSCACHE_CONFIG"] = In("dscache.json"),
            ["DSCACHE_MIN_FREE"] = "0%",
        };
    }

    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "dscache");

    public string Folder { get; } = Directory.CreateTempSubdirectory("dscache-test-").FullName;

    public string JobDirectory => In("job");

    public Dictionary<string, string> Environment { get; }

    public string In(string name) => Path.Combine(Folder, name);

    /// <summary>A dataset of two files in a folder, which is its own origin.</summary>
    public string MakeFolder(string name = "photos")
    {
        Directory.CreateDirectory(In(name));
        File.WriteAllText(Path.Combine(In(name), "a.txt"), "alpha");
        File.WriteAllText(Path.Combine(In(name), "b.bin"), "beta");
        return In(name);
    }

    /// <summary>An origin that holds the same two files as <c>datasets/{id}/</c>.</summary>
    public string MakeOrigin(string datasetId)
    {
        MakeFolder(Path.Combine("origin", "datasets", datasetId));
        return In("origin");
    }

    public RunningProcess Start(params string[] arguments) => StartProgram(Program, arguments);

    public RunningProcess StartProgram(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = Folder,
        };
        start.Environment.Clear();
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        return new RunningProcess(Process.Start(start)!, Patience);
    }

    public async Task<Result> RunAsync(params string[] arguments)
    {
        using var process = Start(arguments);
        return await process.WaitAsync();
    }

    /// <summary><c>get</c> of <paramref name="source"/> into the job directory.</summary>
    public Task<Result> GetAsync(string source, params string[] more) => RunAsync(["get", source, "--into", JobDirectory, .. more]);

    public void Dispose()
    {
        // Sealed folders refuse to be emptied by anybody but root.
        foreach (var folder in Directory.EnumerateDirectories(Folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint }))
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        Directory.Delete(Folder, recursive: true);
    }
}

internal sealed record Result(int ExitCode, string Out, string Error);

/// <summary>A process whose output is read as it comes.</summary>
internal sealed partial class RunningProcess(Process process, TimeSpan patience) : IDisposable
{
    private readonly Task<string> error = process.StandardError.ReadToEndAsync();
    private string read = "";

    /// <summary>Waits for the next line on stdout.</summary>
    public async Task<string> ReadLineAsync()
    {
        using var timeout = new CancellationTokenSource(patience);
        var line = await process.StandardOutput.ReadLineAsync(timeout.Token)
            ?? throw new InvalidOperationException($"The process ended without another line. It had said: {read}{await error}");
        read += line + "\n";
        return line;
    }

    public void Signal(int number) => Signal(process.Id, number);

    public static void Signal(int processId, int number)
    {
        if (Kill(processId, number) != 0)
            throw new InvalidOperationException($"Signal {number} could not be sent.");
    }

    public async Task TypeAsync(string text)
    {
        await process.StandardInput.WriteAsync(text);
        await process.StandardInput.FlushAsync();
    }

    /// <summary>Gives it bytes on stdin, which stays open.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        await process.StandardInput.BaseStream.WriteAsync(bytes);
        await process.StandardInput.BaseStream.FlushAsync();
    }

    public async Task<Result> WaitAsync()
    {
        using var timeout = new CancellationTokenSource(patience);
        process.StandardInput.Close();
        var rest = await process.StandardOutput.ReadToEndAsync(timeout.Token);
        await process.WaitForExitAsync(timeout.Token);
        return new Result(process.ExitCode, read + rest, await error);
    }

    public void Dispose()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        process.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
