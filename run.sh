#!/usr/bin/env bash
# ./run.sh               builds, makes a small dataset and gets it for three jobs: the main work on real input
# ./run.sh cluster       three nodes on this machine (network namespaces as root, else loopback): one dataset, one download
# ./run.sh serve         one host's daemon with the example dataset: prints the URL of its pages; Ctrl-C ends it
# ./run.sh ARGUMENTS…    dscache ARGUMENTS…, built if a source changed
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$top/scripts/build.sh"

# The value of one field of a flat JSON object.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$report"; }

run_cluster() {
  local node nodes=3 bytes=0 total=0
  # Not by mktemp: PostgreSQL runs as somebody else and has to get there.
  export DSCACHE_CLUSTER_DIR=${TMPDIR:-/tmp}/dscache-run-$$
  trap '"$top/scripts/cluster" down' EXIT
  "$top/scripts/cluster" up $nodes >&2
  for ((node = 1; node <= nodes; node++)); do
    "$top/scripts/cluster" get "$node" --json --quiet >"$DSCACHE_CLUSTER_DIR/get$node" &
  done
  wait
  echo
  printf "$row_cluster" node outcome files 'bytes from origin' 'bytes from peers' seconds 'dataset ->'
  for ((node = 1; node <= nodes; node++)); do
    report=$(<"$DSCACHE_CLUSTER_DIR/get$node")
    [[ -n $report ]] || { echo "run.sh: node $node got nothing" >&2; exit 1; }
    printf "$row_cluster" "$node" "$(field outcome)" "$(field files)" "$(field bytesFromOrigin)" "$(field bytesFromPeers)" "$(field seconds)" "$(field snapshotPath)"
    total=$((total + $(field bytesFromOrigin))) bytes=$(field bytes)
  done
  echo
  echo "The dataset has $bytes bytes; all nodes together read $total from the origin."
  ((total == bytes)) || { echo "run.sh: expected each byte once" >&2; exit 1; }
}
row_cluster='%-4s %-8s %6s %18s %18s %9s  %s\n'

if [[ ${1:-} == cluster && $# == 1 ]]; then
  run_cluster
  exit
fi

run_serve() {
  local port=${DSCACHE_API_PORT:-4680} cache=$work/cache
  publish_cli
  quietly dotnet build "$top/tests/MakeDataset" -c Release -v quiet
  "$top/tests/MakeDataset/bin/Release/net10.0/make-dataset" "$work/origin/datasets/ds_streets" 1000 163
  echo '{"cache": {"minFree": "0%"}}' >"$work/dscache.json"
  export DSCACHE_CONFIG=$work/dscache.json DSCACHE_ROOT=$cache
  "$top/artifacts/dscache/dscache" serve --origin "$work/origin" --urls "http://127.0.0.1:$port" &
  server=$!
  trap 'kill $server 2>/dev/null; wait $server; chmod -R u+w "$work"; rm -rf "$work"' EXIT
  until "$top/artifacts/dscache/dscache" status >/dev/null 2>&1; do
    kill -0 $server 2>/dev/null || exit 1
    sleep 0.2
  done
  mkdir -p "$work/jobs/91"
  "$top/artifacts/dscache/dscache" get snap_2b2fca921e88 --dataset ds_streets --into "$work/jobs/91" >&2
  echo
  echo "Open     http://127.0.0.1:$port/?token=$(<"$cache/node.token")"
  echo "         (the token is $cache/node.token; it is new at each start)"
  echo "By curl  curl -H \"Authorization: Bearer \$(cat $cache/node.token)\" http://127.0.0.1:$port/v1/status"
  echo "A job    DSCACHE_ROOT=$cache artifacts/dscache/dscache get snap_2b2fca921e88 --dataset ds_streets --into /tmp/job"
  echo "Ctrl-C ends it and removes everything."
  wait $server
}

if [[ ${1:-} == serve && $# == 1 ]]; then
  work=$(mktemp -d)
  run_serve
  exit
fi

if (($# > 0)); then
  publish_cli
  exec "$top/artifacts/dscache/dscache" "$@"
fi

choose_half
echo "Building $half ($why)"
build_half
publish_cli

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
snapshot=snap_2b2fca921e88 dataset=ds_streets
source=$work/origin/datasets/$dataset
images=1000 annotated=163
"$top/tests/MakeDataset/bin/Release/net10.0/make-dataset" "$source" $images $annotated
# The dataset version hash by its definition, with coreutils instead of our own code: the metadata files in order.
hash=$(cat "$source/annotations_detection.json" "$source/classes.txt" | sha256sum | cut -d ' ' -f 1)
echo '{}' >"$work/dscache.json"
echo
echo "Dataset: $images images, $annotated of them annotated; version hash $hash"
echo

outcomes=()
row='%-4s %-8s %6s %18s %9s  %s\n'
printf "$row" job outcome files 'bytes from origin' seconds 'dataset ->'
for job in 91 92 93; do
  mkdir -p "$work/jobs/$job"
  # Nothing of this shell's own settings takes part.
  report=$(env -i PATH="$PATH" HOME="$HOME" DOTNET_ROOT="$DOTNET_ROOT" DSCACHE_CONFIG="$work/dscache.json" JOB_ID="$job" \
    "$top/artifacts/dscache/dscache" get "$snapshot" --dataset "$dataset" --hash "$hash" --origin "$work/origin" --root "$work/cache" \
    --min-free 0% --into "$work/jobs/$job" --json --quiet)
  printf "$row" "$job" "$(field outcome)" "$(field files)" "$(field bytesFromOrigin)" "$(field seconds)" "$(readlink "$work/jobs/$job/dataset")"
  outcomes+=("$(field outcome)")
  found=$(find -L "$work/jobs/$job/dataset" -type f | wc -l)
  [[ $found == "$(field files)" ]] || { echo "run.sh: job $job sees $found files" >&2; exit 1; }
done

if [[ ${outcomes[*]} != "miss hit hit" ]]; then
  echo "run.sh: expected miss, hit, hit" >&2
  exit 1
fi
