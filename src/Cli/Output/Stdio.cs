using System.Text;

namespace DatasetCache.Cli.Output;

/// <summary>
/// Standard output and error as plain UTF-8 streams. <see cref="Console.Out"/> would set up encodings and the terminal first, which a warm
/// hit pays for in milliseconds and does not need.
/// </summary>
internal static class Stdio
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false);
    private static readonly Lazy<TextWriter> LazyOut = new(() => Open(Console.OpenStandardOutput()));
    private static readonly Lazy<TextWriter> LazyError = new(() => Open(Console.OpenStandardError()));

    /// <summary>For results only: what a script reads.</summary>
    public static TextWriter Out => LazyOut.Value;

    /// <summary>For everything that a person or a log reads.</summary>
    public static TextWriter Error => LazyError.Value;

    /// <summary>One line of the result.</summary>
    public static void Print(string line) => Out.WriteLine(line);

    /// <summary>One line for people.</summary>
    public static void Note(string line) => Error.WriteLine(line);

    private static TextWriter Open(Stream stream) => TextWriter.Synchronized(new StreamWriter(stream, Utf8, 1024) { AutoFlush = true, NewLine = "\n" });
}
