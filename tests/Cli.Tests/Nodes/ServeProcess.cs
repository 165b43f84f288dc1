using System.Diagnostics;
using System.Text;
using DatasetCache.Store;

namespace DatasetCache.Cli.Tests.Nodes;

/// <summary>A real <c>dscache serve</c> in the world of a <see cref="Dscache"/>, on a free port. All that it says is kept.</summary>
internal sealed class ServeProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Process process;
    private readonly StringBuilder said = new();
    private readonly List<(string Text, TaskCompletionSource Heard)> awaited = [];

    private ServeProcess(Process process)
    {
        this.process = process;
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
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

    /// <summary>Starts it with what the world's environment says, on a port of its own.</summary>
    public static ServeProcess Begin(Dscache world, params string[] arguments)
    {
        var start = new ProcessStartInfo(Dscache.Program, ["serve", "--api-port", "0", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = world.Folder };
        start.Environment.Clear();
        foreach (var (name, value) in world.Environment)
            start.Environment[name] = value;
        return new ServeProcess(Process.Start(start)!);
    }

    public static async Task<ServeProcess> StartAsync(Dscache world, params string[] arguments)
    {
        var server = Begin(world, arguments);
        await server.HeardAsync(" is ready: ");
        return server;
    }

    /// <summary>Completes with the first line that has this text, also with one that was said already; fails where the process ends without.</summary>
    public async Task HeardAsync(string text)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (said)
        {
            if (said.ToString().Contains(text, StringComparison.Ordinal))
                return;
            awaited.Add((text, heard));
        }
        await Task.WhenAny(heard.Task, process.WaitForExitAsync()).WaitAsync(Patience);
        Assert.True(Said.Contains(text, StringComparison.Ordinal), $"It has not said '{text}', but:\n{Said}");
    }

    /// <summary>A client of its API that presents the node's token.</summary>
    public static HttpClient Client(Dscache world)
    {
        var address = NodeLock.Find(world.Environment["DSCACHE_ROOT"])!;
        var client = new HttpClient { BaseAddress = new Uri(address.Url!) };
        client.DefaultRequestHeaders.Authorization = new("Bearer", File.ReadAllText(address.TokenFile!));
        return client;
    }

    public void Signal(int number) => RunningProcess.Signal(process.Id, number);

    public async Task<int> ExitAsync()
    {
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
    }
}
