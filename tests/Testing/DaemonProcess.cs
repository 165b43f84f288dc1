using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace DatasetCache.Testing;

/// <summary>A daemon of ours as a process of its own. All that it says is kept, and a test waits for words of it instead of for a while.</summary>
public abstract partial class DaemonProcess : IAsyncDisposable
{
    private readonly TimeSpan patience;
    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly List<(string Text, TaskCompletionSource Heard)> awaited = [];

    /// <param name="start">What to run; what it writes is read here.</param>
    /// <param name="patience">How long to wait for its words or its end at most.</param>
    protected DaemonProcess(ProcessStartInfo start, TimeSpan patience)
    {
        ArgumentNullException.ThrowIfNull(start);
        this.patience = patience;
        (start.RedirectStandardOutput, start.RedirectStandardError, start.UseShellExecute) = (true, true, false);
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Id => process.Id;

    public string Said
    {
        get
        {
            lock (said)
                return said.ToString();
        }
    }

    /// <summary>Ends when the process does.</summary>
    public Task Ended => process.WaitForExitAsync();

    /// <summary>Completes with the first line that has this text, also with one that was said already.</summary>
    /// <exception cref="InvalidOperationException">It ended, or time is up, and it has not said so.</exception>
    public async Task HeardAsync(string text)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (said)
        {
            if (said.ToString().Contains(text, StringComparison.Ordinal))
                return;
            awaited.Add((text, heard));
        }
        await Task.WhenAny(heard.Task, Ended, Task.Delay(patience, TimeProvider.System));
        if (!Said.Contains(text, StringComparison.Ordinal))
            throw new InvalidOperationException($"The process {(process.HasExited ? $"ended with {process.ExitCode}" : "runs")} and has not said '{text}', but:\n{Said}");
    }

    public void Signal(int number)
    {
        if (Kill(Id, number) != 0)
            throw new InvalidOperationException($"Signal {number} could not be sent: process {Id} is gone.");
    }

    public void Kill() => process.Kill();

    /// <summary>Waits for its end.</summary>
    /// <param name="signal">To end it by; null where it ends by itself.</param>
    /// <returns>Its exit code.</returns>
    public async Task<int> ExitAsync(int? signal = null)
    {
        if (signal is { } number)
            Signal(number);
        await Ended.WaitAsync(patience);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        GC.SuppressFinalize(this);
    }

    private void Hear(string? line)
    {
        if (line is null)
            return;
        lock (said)
        {
            said.AppendLine(line);
            foreach (var (_, heard) in awaited.Where(wait => line.Contains(wait.Text, StringComparison.Ordinal)))
                heard.TrySetResult();
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
