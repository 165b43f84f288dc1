using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Silo.Tests;

/// <summary>A node as a process of its own.</summary>
internal sealed partial class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string root;

    private SiloProcess(string root, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments)
    {
        this.root = root;
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "dscache-silo"), arguments) { RedirectStandardError = true, RedirectStandardOutput = true, WorkingDirectory = root, UseShellExecute = false };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        start.Environment["DSCACHE_ROOT"] = root;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Said
    {
        get
        {
            lock (said)
                return said.ToString();
        }
    }

    public static SiloProcess Start(string root, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments)
    {
        Directory.CreateDirectory(root);
        return new SiloProcess(root, environment, arguments);
    }

    /// <summary>Its local API and the token for it, once it is ready.</summary>
    public async Task<HttpClient> ReadyAsync()
    {
        var first = await Task.WhenAny(ready.Task, process.WaitForExitAsync(), Task.Delay(Patience, TimeProvider.System));
        if (first != ready.Task)
            throw new InvalidOperationException($"The silo did not become ready:\n{Said}");
        var address = NodeLock.Find(root)!;
        var client = new HttpClient { BaseAddress = new Uri(address.Url!) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", await File.ReadAllTextAsync(address.TokenFile!));
        return client;
    }

    public void Kill() => process.Kill();

    public async Task<int> ExitAsync(int? signal = null)
    {
        if (signal is { } number)
            Signal(process.Id, number);
        await process.WaitForExitAsync().WaitAsync(Patience);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
    }

    private void Hear(string? line)
    {
        if (line is null)
            return;
        lock (said)
            said.AppendLine(line);
        if (line.Contains(" is ready: ", StringComparison.Ordinal))
            ready.TrySetResult();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
