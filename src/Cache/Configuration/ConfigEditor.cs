using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using DatasetCache.Store;

namespace DatasetCache.Configuration;

/// <summary>
/// Changes one setting in the text of a <c>dscache.json</c> and leaves every other byte as it is: comments, order and indentation are the work of a person.
/// </summary>
public static class ConfigEditor
{
    private static readonly JsonReaderOptions Lenient = new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    private sealed class Finding
    {
        /// <summary>The innermost object there is on the way to the setting: its dotted name, where its content begins and what its braces are indented by.</summary>
        public string Parent = "";
        public int Content;
        public bool IsEmpty;
        public int Depth;

        /// <summary>Start of the name, start and end of the value, end of what stands before; null where the setting is not there.</summary>
        public (int Start, int Value, int End, int Previous)? Property;
    }

    /// <summary>The text with the setting at a value, which is inserted where it is not there yet.</summary>
    /// <param name="text">JSON that <see cref="Problems"/> can read; empty for a new file.</param>
    public static byte[] Set(byte[] text, Setting setting, string value)
    {
        ArgumentNullException.ThrowIfNull(setting);
        text = OrEmpty(text);
        var json = ToJson(setting, value);
        var found = Find(text, setting.Name);
        if (found.Property is { } there)
            return Splice(text, there.Value, there.End, json);

        var rest = found.Parent.Length == 0 ? setting.Name : setting.Name[(found.Parent.Length + 1)..];
        var parts = rest.Split('.');
        var inner = new StringBuilder();
        for (var i = 0; i < parts.Length; i++)
            inner.Append('\n').Append(Indent(found.Depth + 1 + i)).Append(Quote(parts[i])).Append(": ").Append(i < parts.Length - 1 ? "{" : json);
        for (var i = parts.Length - 2; i >= 0; i--)
            inner.Append('\n').Append(Indent(found.Depth + 1 + i)).Append('}');
        var end = found.Content;
        if (!found.IsEmpty)
            inner.Append(end < text.Length && text[end] is (byte)'\n' or (byte)'\r' ? "," : ", ");
        else
        {
            inner.Append('\n').Append(Indent(found.Depth));
            while (text[end] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
                end++;
        }
        return Splice(text, found.Content, end, inner.ToString());
    }

    /// <summary>The text without the setting; null where it is not there.</summary>
    public static byte[]? Unset(byte[] text, Setting setting)
    {
        ArgumentNullException.ThrowIfNull(setting);
        text = OrEmpty(text);
        if (Find(text, setting.Name).Property is not { } there)
            return null;
        var (start, end) = (there.Start, there.End);
        if (Comma(text, end, text.Length) is { } behind)
            end = behind + 1;
        else if (Comma(text, there.Previous, start) is { } before)
        {
            // The last of several: the comma before it goes.
            text = Splice(text, before, before + 1, "");
            (start, end) = (start - 1, end - 1);
        }
        // Its line goes with it.
        while (start > 0 && text[start - 1] is (byte)' ' or (byte)'\t')
            start--;
        if (start > 0 && text[start - 1] == (byte)'\n')
            start--;
        return Splice(text, start, end, "");
    }

    /// <summary>What is wrong with a file of this content, each with the setting that it is about. Secrets are hidden.</summary>
    public static IReadOnlyList<(string Setting, string Message)> Problems(string path, byte[] text) => Settings.Check(path, OrEmpty(text));

    /// <summary>Whether the content has a value that nobody else may read.</summary>
    public static bool HoldsSecrets(byte[] text)
    {
        text = OrEmpty(text);
        return SettingTable.All.Concat(NodeSettingTable.All).Any(setting => setting.IsSecret && Find(text, setting.Name).Property is not null);
    }

    /// <summary>Replaces the file in one step and forces it to the disk. What holds secrets gets mode 0600; others keep theirs, and their owner.</summary>
    /// <param name="path">A symbolic link is followed: its target is replaced.</param>
    /// <param name="change">From the content as it is (empty where there is no file) to what it shall be; null to leave it. One at a time changes a file.</param>
    /// <exception cref="StorageException">It cannot be written.</exception>
    public static async Task WriteAsync(string path, Func<byte[], byte[]?> change, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(change);
        path = new FileInfo(path).LinkTarget is null ? Path.GetFullPath(path) : File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName;
        var (folder, name) = (Path.GetDirectoryName(path)!, Path.GetFileName(path));
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The folder {folder} cannot be made: {e.Message}", advice: "Name another file with --file.", inner: e);
        }
        using var directory = new FileSystem().OpenRoot(folder);
        using var turn = await FileLock.TakeAsync(directory, $".{name}.lock", TimeSpan.FromSeconds(30), time, cancellationToken)
            ?? throw new LockTimeoutException($"Another process has been changing {path} for 30 seconds.", $"If there is none, remove {folder}/.{name}.lock.");
        try
        {
            if (change(directory.TryReadAll(name) ?? []) is { } changed)
                Replace(directory, name, changed);
        }
        finally
        {
            turn.Release();
        }
    }

    private static void Replace(DirectoryHandle directory, string name, byte[] text)
    {
        var before = directory.Status(name);
        var mode = HoldsSecrets(text) ? 0x180u /* 0600 */ : before?.Mode ?? 0x1A4u /* 0644 */;
        var temporary = $".{name}.{Path.GetRandomFileName()}";
        using var file = directory.Create(temporary, 0x180);
        try
        {
            file.Write(text, 0);
            if (before is { } old && old.Owner != file.Status().Owner)
                file.ChangeOwner(old.Owner);
            file.ChangeMode(mode);
            file.Sync();
            directory.Move(temporary, directory, name);
        }
        catch
        {
            directory.Delete(temporary);
            throw;
        }
        directory.Sync();
    }

    private static byte[] OrEmpty(byte[] text) => text.AsSpan().IndexOfAnyExcept(" \t\r\n"u8) < 0 ? "{}\n"u8.ToArray() : text;

    private static Finding Find(ReadOnlySpan<byte> text, string name)
    {
        var found = new Finding();
        var reader = new Utf8JsonReader(text, Lenient);
        reader.Read();
        Walk(ref reader, "", depth: 0, name, found);
        return found;
    }

    private static void Walk(ref Utf8JsonReader reader, string parent, int depth, string name, Finding found)
    {
        (found.Parent, found.Content, found.Depth, found.IsEmpty) = (parent, (int)reader.BytesConsumed, depth, true);
        var previous = (int)reader.BytesConsumed;
        var inside = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (!inside)
                found.IsEmpty = false;
            var start = (int)reader.TokenStartIndex;
            var path = parent.Length == 0 ? reader.GetString()! : parent + "." + reader.GetString();
            reader.Read();
            var value = (int)reader.TokenStartIndex;
            if (reader.TokenType == JsonTokenType.StartObject && name.StartsWith(path + ".", StringComparison.Ordinal))
            {
                inside = true;
                Walk(ref reader, path, depth + 1, name, found);
            }
            else
                reader.Skip();
            if (string.Equals(path, name, StringComparison.Ordinal))
                found.Property = (start, value, (int)reader.BytesConsumed, previous);
            previous = (int)reader.BytesConsumed;
        }
    }

    // The next comma, if nothing but space and comments stands before it.
    private static int? Comma(ReadOnlySpan<byte> text, int from, int to)
    {
        for (var i = from; i < to; i++)
        {
            if (text[i] == (byte)',')
                return i;
            if (text[i] == (byte)'/' && i + 1 < to)
            {
                var end = text[i + 1] == (byte)'/' ? text[i..].IndexOf((byte)'\n') : text[(i + 2)..].IndexOf("*/"u8) + 3;
                i += Math.Max(1, end);
            }
            else if (text[i] is not ((byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r'))
                return null;
        }
        return null;
    }

    private static byte[] Splice(byte[] text, int from, int to, string insert) => [.. text.AsSpan(0, from), .. Encoding.UTF8.GetBytes(insert), .. text.AsSpan(to)];

    private static string ToJson(Setting setting, string value)
    {
        if (setting.IsList)
            return "[" + string.Join(", ", value.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Quote)) + "]";
        if (setting.Choices is ["true", "false"] && value is "true" or "false")
            return value;
        // 7 and not "7" where the default is a number too; a key of digits stays a string.
        return setting.Default is { } like && like.All(char.IsAsciiDigit) && value.Length is > 0 and < 10 && value.All(char.IsAsciiDigit) && (value.Length == 1 || value[0] != '0')
            ? value
            : Quote(value);
    }

    private static string Quote(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static string Indent(int depth) => new(' ', 2 * depth);
}
