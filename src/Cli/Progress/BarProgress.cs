using DatasetCache.Cli.Output;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace DatasetCache.Cli.Progress;

/// <summary>
/// A bar on a terminal. It is built when the first report comes: a warm hit reports nothing and never loads Spectre. Colors go where NO_COLOR
/// is set.
/// </summary>
internal sealed class BarProgress(TimeProvider time) : IProgressDisplay
{
    private static readonly TimeSpan Frame = TimeSpan.FromMilliseconds(100);
    private readonly Lock gate = new();
    private readonly TransferRate rate = new(time);
    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private AcquireProgress? latest;
    private Task? drawing;

    public void Report(AcquireProgress value)
    {
        lock (gate)
        {
            rate.Add(value.BytesDone);
            latest = value;
            drawing ??= Task.Run(DrawAsync);
        }
    }

    public async ValueTask DisposeAsync()
    {
        ended.TrySetResult();
        if (drawing is { } last)
            await last;
    }

    private async Task DrawAsync()
    {
        var colors = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect;
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Stdio.Error), ColorSystem = colors, Ansi = AnsiSupport.Yes });
        await console.Progress()
            .AutoRefresh(false)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn { Width = 20 }, new PercentageColumn(), new AmountsColumn(Amounts))
            .StartAsync(async context =>
            {
                var task = context.AddTask("starting", maxValue: 1);
                while (!ended.Task.IsCompleted)
                {
                    Show(task);
                    context.Refresh();
                    await Task.WhenAny(ended.Task, Task.Delay(Frame, time));
                }
                Show(task);
                context.Refresh();
            });
    }

    private void Show(ProgressTask task)
    {
        lock (gate)
        {
            task.Description = Markup.Escape(latest!.Phase == AcquirePhase.Waiting ? "waiting" : ProgressText.Phase(latest.Phase));
            task.IsIndeterminate = latest.BytesTotal == 0;
            task.MaxValue = Math.Max(1, latest.BytesTotal);
            task.Value = latest.BytesDone;
        }
    }

    private string Amounts()
    {
        lock (gate)
        {
            return latest is not { FilesTotal: > 0 } known
                ? ""
                : ProgressText.Amounts(known, rate.BytesPerSecond, rate.TimeLeft(known.BytesTotal - known.BytesDone));
        }
    }

    private sealed class AmountsColumn(Func<string> text) : ProgressColumn
    {
        protected override bool NoWrap => true;

        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) => new Text(text()).Overflow(Overflow.Ellipsis);
    }
}
