# Sourced by run.sh and test.sh: which half of the solution builds here, and the built dscache. Expects $top, the project's folder.

command -v dotnet >/dev/null || { echo "${0##*/}: dotnet is not on the PATH: install the .NET SDK that global.json names ($top/global.json)" >&2; exit 1; }
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# An executable of ours looks for the runtime in DOTNET_ROOT or the system's place; an SDK may be elsewhere.
: "${DOTNET_ROOT:=$(dirname "$(readlink -f "$(command -v dotnet)")")}"
export DOTNET_ROOT

# Runs a command silently; shows what it said, on stderr, only if it fails.
quietly() {
  local log status
  log=$(mktemp)
  "$@" >"$log" 2>&1 && status=0 || status=$?
  ((status == 0)) || cat "$log" >&2
  rm -f "$log"
  return "$status"
}

# Sets $half and $why. A real restore decides: only the feed knows whether it holds Orleans and all that Orleans needs.
choose_half() {
  local log
  log=$(mktemp)
  if dotnet restore "$top/DatasetCache.sln" >"$log" 2>&1; then
    half=DatasetCache.sln
    why="the whole solution: Orleans restores here"
  else
    half=DatasetCache.Local.slnf
    why="the local half: DatasetCache.sln does not restore here: $(first_reason "$log")"
  fi
  rm -f "$log"
}

# A package that the feed lacks says more than what follows from it.
first_reason() {
  { grep -m1 -o 'error NU1101: .*' "$1" || grep -m1 -o 'error .*' "$1" || tail -n 1 "$1"; } | sed 's/ *\[[^]]*\]$//; s/^error //' | cut -c1-200
}

build_half() {
  quietly dotnet build "$top/$half" -c Release -v quiet
}

# The command line, and dscache-serve in a folder below it, compiled ahead of time, in artifacts/dscache. Does nothing where no source is newer.
publish_cli() {
  local stamp=$top/artifacts/dscache/.published
  is_fresh "$stamp" && return
  mkdir -p "$top/artifacts"
  exec {build_lock}>"$top/artifacts/.lock"
  flock "$build_lock"
  if ! is_fresh "$stamp"; then
    echo "${0##*/}: building dscache" >&2
    local rid fresh=$top/artifacts/dscache.new start
    case $(uname -m) in x86_64) rid=linux-x64 ;; aarch64) rid=linux-arm64 ;; *) rid= ;; esac
    start=$(mktemp)
    rm -rf "$fresh"
    publish_to "$fresh" "$rid"
    touch -r "$start" "$fresh/.published"
    rm -rf "$start" "$top/artifacts/dscache"
    mv "$fresh" "$top/artifacts/dscache"
  fi
  exec {build_lock}>&-
}

publish_to() {
  local rid=$2
  publish_one Serve "$1/serve" "$rid" --self-contained false
  # With the runtime's own code in one image a download of one file takes a third less (docs/decisions/0018): what of the runtime and the SDK is made for our types is compiled then, too.
  publish_one Cli "$1" "$rid" --self-contained -p:PublishReadyToRunComposite=true
}

# publish_one PROJECT FOLDER RID OPTION…: as the options say, or as near to it as this feed allows.
publish_one() {
  local publish=(dotnet publish "$top/src/$1" -c Release -v quiet -o "$2") rid=$3
  if [[ -n $rid ]]; then
    quietly "${publish[@]}" -r "$rid" "${@:4}" 2>/dev/null && return
    echo "${0##*/}: this feed lacks the runtime or the ReadyToRun compiler for $rid: $1 will start more slowly" >&2
    quietly "${publish[@]}" -r "$rid" --self-contained false 2>/dev/null && return
  fi
  quietly "${publish[@]}" -p:PublishReadyToRun=false
}

# Whether no source is newer than the file $1. The projects' own folders change when a build makes bin and obj there: they don't count.
is_fresh() {
  local file
  [[ -f $1 ]] || return
  for file in "$top"/{Directory.Build.props,Directory.Packages.props,global.json}; do
    [[ ! $file -nt $1 ]] || return
  done
  [[ -z $(find "$top"/src/{Cli,Cache,Http,Serve} "$top/eng" -mindepth 1 \( -name bin -o -name obj \) -prune -o -newer "$1" -print -quit) ]]
}
