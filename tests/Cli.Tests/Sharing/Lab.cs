using DatasetCache.Store;

namespace DatasetCache.Cli.Tests.Sharing;

/// <summary>
/// One host with users that are real to the kernel (numeric ids; nothing is added to /etc/passwd): Ann and Bob are in group ml, Eve is not. Each runs the
/// real dscache with a umask of her own, from a home that nobody else may enter.
/// </summary>
internal sealed class Lab : IDisposable
{
    public const uint Ann = 7001, Bob = 7002, Eve = 7003, Group = 7000;
    private const string SetPriv = "/usr/bin/setpriv";

    public Lab()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can run processes of other users");
        Assert.SkipUnless(File.Exists(SetPriv), "setpriv (util-linux) is not installed");
        Mode(Dscache.Folder, 0x1ED /* 0755 */);
        foreach (var user in (ReadOnlySpan<uint>)[Ann, Bob, Eve])
        {
            Directory.CreateDirectory(Home(user));
            Command("chown", $"{user}:{user}", Home(user));
            Mode(Home(user), 0x1C0 /* 0700 */);
        }
    }

    public Dscache Dscache { get; } = new();

    public string Root => Dscache.In("cache");

    /// <summary>As an administrator makes it: <c>install -d -m 2775 -g ml</c>.</summary>
    public void ShareRoot(string mode = "2775") => Command("install", "-d", "-m", mode, "-g", $"{Group}", Root);

    /// <summary>The root as <paramref name="owner"/> would make it for herself.</summary>
    public void OwnRoot(uint owner, string mode) => Command("install", "-d", "-m", mode, "-o", $"{owner}", "-g", $"{owner}", Root);

    public string Home(uint user) => Dscache.In($"home-{user}");

    public string Job(uint user) => Path.Combine(Home(user), "job");

    /// <summary>A folder that all can read and that is its own origin.</summary>
    public string MakeFolder(string name, params (string Path, byte[] Content)[] files)
    {
        foreach (var (path, content) in files)
        {
            var full = Path.Combine(Dscache.In(name), path);
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllBytes(full, content);
        }
        return Dscache.In(name);
    }

    public RunningProcess Start(uint user, string umask, params string[] arguments) => StartProgram(user, umask, [Dscache.Program, .. arguments]);

    public RunningProcess StartProgram(uint user, string umask, params string[] command)
    {
        string[] groups = user == Eve ? ["--clear-groups"] : ["--groups", $"{Group}"];
        return Dscache.StartProgram(SetPriv, ["--reuid", $"{user}", "--regid", $"{user}", .. groups, "env", $"HOME={Home(user)}", "sh", "-c", $"umask {umask}; exec \"$@\"", "sh", .. command]);
    }

    public async Task<Result> RunAsync(uint user, string umask, params string[] arguments)
    {
        using var process = Start(user, umask, arguments);
        return await process.WaitAsync();
    }

    public Task<Result> GetAsync(uint user, string source, params string[] more) => RunAsync(user, "022", ["get", source, "--into", Job(user), "--json", "-q", .. more]);

    public static void Command(string program, params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    public static void Mode(string path, int mode) => File.SetUnixFileMode(path, (UnixFileMode)mode);

    public static FileStatus StatusOf(string path)
    {
        using var parent = new FileSystem().OpenRoot(Path.GetDirectoryName(path)!);
        return parent.Status(Path.GetFileName(path))!.Value;
    }

    /// <summary>Everything below the root is the group's to read, to change, and where it is sealed to delete.</summary>
    public void AssertIsTheGroups()
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories))
        {
            var status = StatusOf(path);
            Assert.Equal((path, Group), (path, status.Group));
            var sealedFile = path.Contains("/snapshots/", StringComparison.Ordinal) || path.EndsWith("/entry.json", StringComparison.Ordinal) || path.EndsWith("/manifest", StringComparison.Ordinal);
            if (status.IsDirectory)
                Assert.True((status.Mode & 0xC38) == 0x438, $"{path} has mode {Convert.ToString(status.Mode, 8)}");
            else
                Assert.Equal((path, sealedFile ? "444" : "664"), (path, Convert.ToString(status.Mode, 8)));
        }
    }

    public void Dispose() => Dscache.Dispose();
}
