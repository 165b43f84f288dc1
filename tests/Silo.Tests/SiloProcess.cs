using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Silo.Tests;

/// <summary>A node as a process of its own, in this network namespace or another. It ends with this process, whatever becomes of the test.</summary>
internal sealed partial class SiloProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly TaskCompletionSource ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly string root;
    private readonly List<(string Text, TaskCompletionSource Heard)> awaited = [];

    private SiloProcess(string root, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments, string? networkNamespace)
    {
        this.root = root;
        NetworkNamespace = networkNamespace;
        var silo = Path.Combine(AppContext.BaseDirectory, "dscache-silo");
        // ip becomes the silo: the process has the same number.
        var start = new ProcessStartInfo(networkNamespace is null ? silo : "ip", networkNamespace is null ? arguments : ["netns", "exec", networkNamespace, silo, .. arguments])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = root,
            UseShellExecute = false,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        start.Environment["DSCACHE_ROOT"] = root;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.Start();
        Leftovers.Note($"process {process.Id}");
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

    public string? NetworkNamespace { get; }

    /// <summary>Ends when the process does.</summary>
    public Task Ended => process.WaitForExitAsync();

    public static SiloProcess Start(string root, IReadOnlyDictionary<string, string> environment, params IEnumerable<string> arguments) => StartIn(null, root, environment, arguments);

    public static SiloProcess StartIn(string? networkNamespace, string root, IReadOnlyDictionary<string, string> environment, IEnumerable<string> arguments)
    {
        Directory.CreateDirectory(root);
        return new SiloProcess(root, environment, arguments, networkNamespace);
    }

    /// <summary>Completes with the first line that has this text, also with one that was said already.</summary>
    public Task HeardAsync(string text)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (said)
        {
            if (said.ToString().Contains(text, StringComparison.Ordinal))
                heard.TrySetResult();
            awaited.Add((text, heard));
        }
        return heard.Task.WaitAsync(Patience);
    }

    public void Send(int signal) => Signal(process.Id, signal);

    /// <summary>Its local API and the token for it, once it is ready.</summary>
    public async Task<HttpClient> ReadyAsync()
    {
        var first = await Task.WhenAny(ready.Task, process.WaitForExitAsync(), Task.Delay(Patience, TimeProvider.System));
        if (first != ready.Task)
            throw new InvalidOperationException($"The silo did not become ready:\n{Said}");
        var address = NodeLock.Find(root)!;
        var client = new HttpClient(new SocketsHttpHandler { UseProxy = false, ConnectCallback = (to, cancel) => NetworkNamespaces.ConnectAsync(NetworkNamespace, to.DnsEndPoint, cancel) }) { BaseAddress = new Uri(address.Url!) };
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
        {
            said.AppendLine(line);
            foreach (var (_, heard) in awaited.Where(wait => line.Contains(wait.Text, StringComparison.Ordinal)))
                heard.TrySetResult();
        }
        if (line.Contains(" is ready: ", StringComparison.Ordinal))
            ready.TrySetResult();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Signal(int process, int signal);
}
