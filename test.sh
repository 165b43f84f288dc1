#!/usr/bin/env bash
# ./test.sh                    everything: installs what is missing, builds, starts an S3 server (and, with Orleans, PostgreSQL), runs the tests, stops them
# ./test.sh WORD…              only tests whose class or method name contains a WORD
# ./test.sh -trait Fault=19    options go to the test runner (xunit.v3: -class, -method, -namespace, -trait, …) with their values
# ./test.sh --list-faults      fault case numbers and the tests that cover them
# ./test.sh faults [--long]    every case of docs/faults.md, and its table; --long: the long forms and half an hour of soak
# The last line is always "N passed, N failed, N skipped"; the exit code is 0 only if none failed.
set -euo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source "$top/scripts/build.sh"
cd "$top"

# Paths of the test programs of the chosen half.
test_programs() {
  local project name
  for project in $(grep -o 'tests[/\\][^"]*Tests\.csproj' "$half" | tr '\\' / | sort -u); do
    name=$(basename "$project" .csproj)
    echo "$(dirname "$project")/bin/Release/net10.0/$name"
  done
}

list_faults() {
  local program faults fault
  for program in $(test_programs); do
    faults=$("$program" -noLogo -noColor -list traits | sed -n 's/.*"Fault": \[\([^]]*\)\].*/\1/p' | tr -d '" ' | tr ',' '\n')
    for fault in $faults; do
      "$program" -noLogo -noColor -list methods -trait "Fault=$fault" | sed -n "s/^\([A-Za-z_][A-Za-z0-9_.+]*\)$/$fault\t\1/p"
    done
  done | sort -t $'\t' -k 1,1n -k 2
}

if [[ ${1:-} == --list-faults ]]; then
  choose_half
  build_half
  list_faults
  exit
fi

passed=0 failed=0 skipped=0 beside=
servers=$(mktemp -d)
finish() {
  status=$?
  [[ -z $beside ]] || kill "$beside" 2>/dev/null || true
  [[ -d $servers/s3 ]] && tests/servers/s3 stop "$servers/s3" >&2 || true
  rm -rf "$servers"
  ((status == 0 || failed > 0)) || failed=1
  echo
  [[ -n ${half:-} ]] && echo "Ran $half ($why)"
  echo "$passed passed, $failed failed, $skipped skipped"
  exit $((failed > 0 ? 1 : 0))
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

install_tools() {
  command -v strace >/dev/null || apt_get install -y --no-install-recommends strace \
    || echo "test.sh: strace cannot be installed: the tests that need it skip" >&2
  # Its service need not run: a test starts one of its own.
  command -v promtool >/dev/null || apt_get install -y --no-install-recommends prometheus \
    || echo "test.sh: Prometheus cannot be installed: the tests that need it skip" >&2
  command -v chromium >/dev/null || apt_get install -y --no-install-recommends chromium \
    || echo "test.sh: chromium cannot be installed: the tests that need it skip" >&2
  [[ $half != DatasetCache.sln ]] || tests/servers/postgres install || echo "test.sh: PostgreSQL cannot be installed: the tests that need it skip" >&2
  tests/servers/s3 install || echo "test.sh: the S3 server cannot be installed: the tests that need it skip" >&2
}

apt_get() {
  local root=()
  ((EUID == 0)) || root=(sudo -n)
  quietly "${root[@]}" apt-get update -q && quietly "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q "$@"
}

start_servers() {
  command -v radosgw >/dev/null || return 0
  local port=8000
  # Somebody else may run one on this machine.
  while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 100)); done
  DSCACHE_TEST_S3=$(DSCACHE_S3_OWNER=$$ tests/servers/s3 start "$servers/s3" "$port")
  export DSCACHE_TEST_S3
}

# Words become name filters, options pass as they are.
filter=() faults=
if [[ ${1:-} == faults ]]; then
  faults=${2:-quick}
  [[ $# -le 2 && $faults =~ ^(quick|--long)$ ]] || { echo "test.sh: faults takes --long or nothing" >&2; failed=1; exit 64; }
  set --
  for ((fault = 1; fault <= 27; fault++)); do filter+=(-trait "Fault=$fault"); done
  export DSCACHE_TEST_FAULTS=$servers/faults.jsonl
  [[ $faults != --long ]] || export DSCACHE_TEST_LONG=1
fi
while (($# > 0)); do
  case $1 in
    -*) filter+=("${@:1:2}"); shift $(($# > 1 ? 2 : 1)) ;;
    *) filter+=(-method "*$1*"); shift ;;
  esac
done

count() { grep -o '<Counters [^>]*>' "$1" | sed "s/.* $2=\"\([0-9]*\)\".*/\1/"; }

color=()
[[ -t 1 && -z ${NO_COLOR:-} ]] || color=(-noColor)

run_program() {
  local status=0
  echo "== $(basename "$1")"
  "$1" -noLogo "${color[@]}" -trx "$(result_of "$1")" $(report_of "$1") "${filter[@]}" || status=$?
  tally "$1" $status
}

result_of() { echo "$servers/$(basename "$1").trx"; }

# For the table of faults, which needs the traits too.
report_of() { [[ -z $faults ]] || echo "-xml $servers/$(basename "$1").xml"; }

tally() {
  local result before=$failed
  result=$(result_of "$1")
  if [[ -s $result ]]; then
    passed=$((passed + $(count "$result" passed)))
    failed=$((failed + $(count "$result" failed) + $(count "$result" error)))
    skipped=$((skipped + $(count "$result" notExecuted)))
  fi
  # A program that broke off, or whose fixtures failed, counts as one more failure.
  if (($2 != 0 && failed == before)); then
    echo "test.sh: $(basename "$1") ended with exit code $2" >&2
    failed=$((failed + 1))
  fi
}

choose_half
echo "Building $half ($why)"
install_tools
build_half
start_servers
programs=$(test_programs)
for program in $(grep -E '/(Cache\.Tests|Pages)/' <<<"$programs"); do
  run_program "$program"
done
# Mostly it waits, for silos that start, die and are missed: the others run beside it.
waiting=$(grep '/Silo\.Tests/' <<<"$programs") || true
if [[ -n $waiting ]]; then
  "$waiting" -noLogo -noColor -trx "$(result_of "$waiting")" $(report_of "$waiting") "${filter[@]}" >"$servers/waiting.log" 2>&1 &
  beside=$!
fi
for program in $(grep -Ev '/(Cache\.Tests|Pages|Silo\.Tests)/' <<<"$programs"); do
  run_program "$program"
done
if [[ -n $waiting ]]; then
  status=0
  wait "$beside" || status=$?
  beside=
  echo "== $(basename "$waiting")"
  cat "$servers/waiting.log"
  tally "$waiting" $status
fi
if [[ -n $faults ]]; then
  if [[ $faults == --long && $half == DatasetCache.sln ]]; then
    echo "== Soak"
    tests/Soak/run --minutes "${DSCACHE_SOAK_MINUTES:-30}" | tee "$servers/soak.log" || failed=$((failed + 1))
    sed -n '/^soak: /p' "$servers/soak.log" >"$servers/soak.txt"
  fi
  missing=()
  [[ $half == DatasetCache.sln ]] || missing=("Orleans does not restore here")
  echo
  tests/FaultTable/bin/Release/net10.0/fault-table "$servers" docs/faults.md "./test.sh faults${DSCACHE_TEST_LONG:+ --long}" "${missing[@]}" || failed=$((failed + 1))
fi
