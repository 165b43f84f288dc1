using DatasetCache.Cli.Output;

namespace DatasetCache.Cli.Keeping;

/// <summary>Asks before anything is deleted: on a terminal a person, elsewhere for <c>-y</c>.</summary>
internal static class Confirmation
{
    /// <exception cref="InvalidRequestException">Nobody is there who could be asked.</exception>
    public static bool Ask(string question)
    {
        if (Console.IsInputRedirected)
            throw new InvalidRequestException("Nothing was deleted: nobody is there to confirm it.", "Say -y to delete without being asked, or --dry-run to see what would go.");
        Stdio.Error.Write($"{question} [y/N] ");
        if (Console.In.ReadLine()?.Trim() is "y" or "Y" or "yes")
            return true;
        Stdio.Note("dscache: nothing was deleted.");
        return false;
    }
}
