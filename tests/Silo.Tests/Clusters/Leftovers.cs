using System.Diagnostics;
using System.Globalization;
using DatasetCache.Testing;

namespace DatasetCache.Silo.Tests;

/// <summary>What must not outlive this process, however it ends: a shell beside it waits for that, kills the silos and removes the network namespaces that are noted here.</summary>
internal static class Leftovers
{
    private static readonly Lazy<string> Notes = new(Watch);
    private static readonly Lock Gate = new();

    /// <param name="what"><c>process NUMBER</c>, <c>netns NAME</c> or <c>link NAME</c>.</param>
    public static void Note(string what)
    {
        lock (Gate)
            File.AppendAllText(Notes.Value, what + "\n");
    }

    private static string Watch()
    {
        var notes = Path.Combine(Path.GetTempPath(), $"dscache-leftovers-{Environment.ProcessId}");
        File.WriteAllText(notes, "");
        // A number may be another process's by then: only a silo of these tests is ended.
        const string Clean = """
            tail --pid="$1" -f /dev/null
            while read -r kind name; do
              case $kind in
                process) [[ $(readlink "/proc/$name/exe") != "$3" ]] || kill -9 "$name" ;;
                netns) ip netns delete "$name" ;;
                link) ip link delete "$name" ;;
              esac
            done <"$2"
            rm "$2"
            """;
        var own = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        var silo = Path.Combine(AppContext.BaseDirectory, "dscache-silo");
        using var watch = Process.Start(new ProcessStartInfo("setsid", ["--fork", "bash", "-c", $"exec </dev/null >/dev/null 2>&1; {Clean}", "_", own, notes, silo]) { UseShellExecute = false })!;
        watch.WaitForExit();
        return notes;
    }
}
