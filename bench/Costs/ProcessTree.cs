using System.Globalization;
using System.Runtime.InteropServices;

namespace DatasetCache.Bench.Costs;

/// <summary>What processes take, by /proc and getrusage.</summary>
internal static partial class ProcessTree
{
    // The kernel counts by the hundredth of a second on every Linux machine of today.
    private const double TicksASecond = 100;

    /// <summary>Bytes resident of a process and of all below it, now; pages that they share count for each. 0 where it has ended.</summary>
    public static long Resident(int process)
    {
        try
        {
            var sum = Status(process, "VmRSS:");
            foreach (var task in Directory.EnumerateDirectories($"/proc/{process}/task"))
            {
                foreach (var child in File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    sum += Resident(int.Parse(child, CultureInfo.InvariantCulture));
            }
            return sum;
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>The most that a process itself ever had resident. 0 where it has ended.</summary>
    public static long HighWater(int process)
    {
        try
        {
            return Status(process, "VmHWM:");
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Seconds of user and system time that a live process has taken, without its children's.</summary>
    public static double Cpu(int process)
    {
        var text = File.ReadAllText($"/proc/{process}/stat");
        // The name may hold anything; the state comes after it.
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (double.Parse(fields[11], CultureInfo.InvariantCulture) + double.Parse(fields[12], CultureInfo.InvariantCulture)) / TicksASecond;
    }

    /// <summary>The same of all children of this process that have ended, with their own.</summary>
    public static double CpuOfEndedChildren()
    {
        const int Children = -1;
        return GetRUsage(Children, out var usage) == 0
            ? usage.UserSeconds + usage.SystemSeconds + ((usage.UserMicroseconds + usage.SystemMicroseconds) / 1e6)
            : throw new InvalidOperationException("getrusage failed.");
    }

    private static long Status(int process, string field)
    {
        foreach (var line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith(field, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(field.Length).Trim().TrimEnd("kB").Trim(), CultureInfo.InvariantCulture) * 1024;
        }
        return 0;
    }

    [LibraryImport("libc", EntryPoint = "getrusage")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetRUsage(int who, out Usage usage);

    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct Usage
    {
        public long UserSeconds;
        public long UserMicroseconds;
        public long SystemSeconds;
        public long SystemMicroseconds;
    }
}
