using System.CommandLine;
using System.Text;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;
using DatasetCache.Configuration;
using DatasetCache.Hosting.Node;

namespace DatasetCache.Cli.Nodes;

/// <summary><c>dscache token new</c>: a token is shown once, and what is kept of it is its digest.</summary>
internal static class TokenCommand
{
    public static Command Define(Command command, Session session)
    {
        var make = new Command("new", "Print a new token, and the line that lets whoever has it use a node.");
        var name = new Argument<string>("NAME") { Description = "Whose it is, for the log of what operators do." }.RefuseOptions();
        var role = new Argument<string>("ROLE") { Description = "reader or operator." }.RefuseOptions();
        role.CompletionSources.Add([.. ApiToken.Roles]);
        var file = new Option<string?>("--file") { HelpName = "FILE", Description = "Add the line to this file, the one that api.tokens names; it is made where it is missing." };
        make.Add(name);
        make.Add(role);
        make.Add(file);
        var flags = SettingFlags.Only(SettingTable.Json);
        flags.AddTo(make);
        make.SetAction(parse => New(session, parse.GetRequiredValue(name), parse.GetRequiredValue(role), parse.GetValue(file)));
        command.Add(make);
        return command;
    }

    private static int New(Session session, string name, string role, string? file)
    {
        if (!ApiToken.IsName(name))
            throw new InvalidRequestException($"The name '{name}' must be 1 to 100 of A-Z, a-z, 0-9, '.', '-', '_' and '@'.");
        if (!ApiToken.Roles.Contains(role, StringComparer.Ordinal))
            throw new InvalidRequestException($"The role is '{role}': it must be {string.Join(" or ", ApiToken.Roles)}.");
        var token = ApiToken.New();
        var line = ApiToken.Line(name, role, token);
        if (file is not null)
            Append(file, line);
        if (session.Json)
            Stdio.Print(JsonText.Line(new TokenDocument(name, role, token, line, file), JsonOutput.Default.TokenDocument));
        else
        {
            Stdio.Print($"token  {token}");
            Stdio.Print($"line   {line}");
            Stdio.Note(file is null ? "dscache: add the line to the file that api.tokens names. The token is not shown again." : $"dscache: the line is added to {file}. The token is not shown again.");
        }
        return ExitCode.Ok;
    }

    private static void Append(string path, string line)
    {
        try
        {
            using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite });
            // A last line without its end stays a line of its own.
            var hasEnd = true;
            if (file.Length > 0)
            {
                file.Seek(-1, SeekOrigin.End);
                hasEnd = file.ReadByte() == '\n';
            }
            file.Write(Encoding.UTF8.GetBytes((hasEnd ? "" : "\n") + line + "\n"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageException($"The file of tokens {path} cannot be written: {e.Message}", inner: e);
        }
    }
}

/// <summary>What <c>token new --json</c> prints.</summary>
internal sealed record TokenDocument(string Name, string Role, string Token, string Line, string? File);
