using System.CommandLine;
using DatasetCache.Cli.Output;
using DatasetCache.Cli.Setup;

namespace DatasetCache.Cli.Completing;

/// <summary>
/// <c>dscache completion SHELL</c>: a script that asks <c>dscache __complete WORD…</c> at every Tab, so that it knows of keys and settings and never grows old.
/// </summary>
internal static class CompletionCommand
{
    /// <summary>The hidden command that the scripts call.</summary>
    public const string Hidden = "__complete";

    public static IReadOnlyList<string> Shells { get; } = ["bash", "zsh", "fish"];

    public static Command Define(Command command)
    {
        var shell = new Argument<string>("SHELL") { Description = string.Join(", ", Shells) };
        command.Add(shell.RefuseOptions());
        command.SetAction(parse =>
        {
            Stdio.Out.Write(Script(parse.GetRequiredValue(shell)));
            return ExitCode.Ok;
        });
        return command;
    }

    /// <summary>Prints the candidates. Whatever goes wrong, nothing is said: it would stand in the middle of somebody's command line.</summary>
    public static int Complete(Command root, Session session, IReadOnlyList<string> words)
    {
        try
        {
            foreach (var candidate in new Completer(root, session).Complete(words))
                Stdio.Print(candidate);
        }
        catch (Exception e) when (e is DatasetCacheException or IOException or UnauthorizedAccessException)
        {
            // No candidates.
        }
        return ExitCode.Ok;
    }

    private static string Script(string shell) => shell switch
    {
        "bash" => """
            # dscache for bash. In ~/.bashrc: source <(dscache completion bash)
            _dscache() {
              local line mode= cur=${COMP_WORDS[COMP_CWORD]}
              [[ $cur == = ]] && cur=
              COMPREPLY=()
              while IFS= read -r line; do
                case $line in
                  :files | :dirs) mode=$line ;;
                  *) COMPREPLY+=("${line%%$'\t'*}") ;;
                esac
              done < <("${COMP_WORDS[0]/#\~/$HOME}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
              [[ -n $mode ]] || return 0
              compopt -o filenames 2>/dev/null
              local action=-f
              [[ $mode == :dirs ]] && action=-d
              while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen $action -- "$cur")
              return 0
            }
            complete -F _dscache dscache

            """,
        "zsh" => """
            #compdef dscache
            # dscache for zsh. In ~/.zshrc, after compinit: source <(dscache completion zsh)
            _dscache() {
              local line mode name
              local -a candidates
              while IFS= read -r line; do
                case $line in
                  :files | :dirs) mode=$line ;;
                  *$'\t'*) name=${line%%$'\t'*}; candidates+=("${name//:/\\:}:${line#*$'\t'}") ;;
                  *) candidates+=("${line//:/\\:}") ;;
                esac
              done < <("${words[1]/#\~/$HOME}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
              (( $#candidates )) && _describe dscache candidates
              case $mode in
                :files) _files ;;
                :dirs) _files -/ ;;
              esac
            }
            if [[ ${funcstack[1]} == _dscache ]]; then _dscache "$@"; else compdef _dscache dscache; fi

            """,
        "fish" => """
            # dscache for fish: dscache completion fish > ~/.config/fish/completions/dscache.fish
            function __dscache_complete
                set -l words (commandline -opc)
                set -l current (commandline -ct)
                for line in ($words[1] __complete $words[2..-1] "$current" 2>/dev/null)
                    switch $line
                        case :files
                            __fish_complete_path "$current"
                        case :dirs
                            __fish_complete_directories "$current"
                        case '*'
                            printf '%s\n' $line
                    end
                end
            end
            complete -c dscache -f -a '(__dscache_complete)'

            """,
        _ => throw new InvalidRequestException($"There is no completion for '{shell}'.", $"Say {string.Join(", ", Shells)}."),
    };
}
