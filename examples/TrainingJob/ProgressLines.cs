using DatasetCache;

namespace TrainingJob;

/// <summary>A line for each report, at once.</summary>
/// <remarks>Progress&lt;T&gt; would hand each report to another thread, and the last might come after the program's end.</remarks>
internal sealed class ProgressLines : IProgress<AcquireProgress>
{
    public void Report(AcquireProgress value)
        => Console.Error.WriteLine($"{value.Phase}: {value.FilesDone}/{value.FilesTotal} files, {value.BytesDone}/{value.BytesTotal} bytes");
}
