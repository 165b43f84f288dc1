using System.CommandLine;

namespace DatasetCache.Cli.Setup;

/// <summary>What System.CommandLine lets pass and a person would be astonished by.</summary>
internal static class ArgumentRules
{
    /// <summary>A mistyped option (<c>--ino</c>) would be taken for the argument. A name that really starts so is written <c>./-name</c>.</summary>
    public static Argument<T> RefuseOptions<T>(this Argument<T> argument)
    {
        argument.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (token.Value.StartsWith('-'))
                    result.AddError($"There is no option '{token.Value}'.");
            }
        });
        return argument;
    }

    /// <summary>One of a few words, or an error that fits on a line.</summary>
    public static Option<string> OneOf(this Option<string> option, IReadOnlyList<string> choices)
    {
        option.CompletionSources.Add([.. choices]);
        option.Validators.Add(result =>
        {
            foreach (var token in result.Tokens)
            {
                if (!choices.Contains(token.Value, StringComparer.Ordinal))
                    result.AddError($"{option.Name} is '{token.Value}': it must be one of {string.Join(", ", choices)}.");
            }
        });
        return option;
    }
}
