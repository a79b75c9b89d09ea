#!/usr/bin/env bash
# What Lunabeam is for, in under a minute: a crowd of processes, a crash that a supervisor repairs, a busy loop that
# delays nobody. Called by `tools/dev demo` once the release build is there. Plain text in a pipe.
#
# DEMO_VM and DEMO_GUESTS choose another build.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
vm=${DEMO_VM:-$root/build/release/bin/lunabeam}
guests=${DEMO_GUESTS:-$root/build/release/guests}
prebuilt=${LUNABEAM_SHARED_DIR:-$root/../shared}/guests/prebuilt

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

chapter() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
tell() { printf '  %s\n' "$*"; }
result() { printf '  %s%s%s\n' "$green" "$*" "$plain"; }
fail() {
  printf '%sdemo: %s%s\n' "$red" "$*" "$plain" >&2
  exit 1
}

# grouped 1234567 -> 1,234,567
grouped() { printf '%s' "$1" | sed -E ':more; s/^([0-9]+)([0-9]{3})/\1,\2/; t more'; }
# calculate EXPRESSION FORMAT
calculate() { awk "BEGIN { printf \"$2\", $1 }"; }
# memory_kib PID: resident memory and page tables
memory_kib() { awk '/^VmRSS|^VmPTE/ { sum += $2 } END { print sum }' "/proc/$1/status"; }

[ -x "$vm" ] || fail "$vm is missing: run tools/dev build"
[ -e "$guests/crowd.wasm" ] || fail "$guests/crowd.wasm is missing: the C guests need clang-22, lld-22 and wasi-libc"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
begin=$(date +%s%N)

# crowd COUNT: runs a crowd; sets `standing_kib` (memory of the VM while it stands still) and `spawn_ns` (per process).
crowd() {
  local line figure pipe status=0
  standing_kib=0 spawn_ns=0
  exec {pipe}< <(exec "$vm" run "$guests/crowd.wasm" "$1" 300 --time 2>"$log")
  local pid=$!
  while IFS= read -r line <&"$pipe"; do
    case $line in
      *"are alive") standing_kib=$(memory_kib "$pid") ;;
      "spawn: "*) figure=${line#spawn: } spawn_ns=${figure% ns} ;;
    esac
  done
  exec {pipe}<&-
  wait "$pid" || status=$?
  [ "$status" = 0 ] || fail "crowd.wasm $1 ended with status $status: $(tail -n 3 "$log")"
  [ "$standing_kib" -gt 0 ] || fail "crowd.wasm $1 did not say that it is alive"
}

printf '%sLunabeam%s: WebAssembly with the processes of Erlang. Three C programs, compiled to plain wasm32.\n' "$bold" "$plain"

chapter "1. A crowd"
count=100000
tell "One program spawns $(grouped $count) processes. Each has a linear memory of its own (64 KiB), writes to it,"
tell "and waits for a message, four calls deep. (examples/c/crowd.c)"
crowd 1
alone_kib=$standing_kib
crowd $count
each_kib=$(calculate "($standing_kib - $alone_kib) / $count" '%.1f')
result "$(grouped $count) live processes in $(calculate "$standing_kib / 1048576" '%.2f') GiB:" \
  "$each_kib KiB each, page tables included."
result "Spawning one took $(calculate "$spawn_ns / 1000" '%.1f') us. Then all of them were woken, and all gave the right answer."

chapter "2. A crash"
tell "A counter runs under a supervisor and is told to divide by zero, twice. Nobody catches anything:"
tell "the process dies, the supervisor hears of it and starts a new one. (examples/c/supervised_counter.c)"
status=0
"$vm" run "$guests/supervised_counter.wasm" 2 --show 2>&1 | sed -E \
  -e "s/^process .*/    $bold&$plain/; t" -e "s/^it starts.*/    $bold&$plain/; t" -e "s/^2 crashes.*//; t" \
  -e "s/.+/      $dim&$plain/" | sed '/^$/d' || status=$?
[ "$status" = 0 ] || fail "supervised_counter.wasm ended with status $status"
many=10000
output=$("$vm" run "$guests/supervised_counter.wasm" $many --time 2>"$log") || fail "$(tail -n 3 "$log")"
each_ns=$(printf '%s\n' "$output" | sed -n 's/^crash, restart and two requests: \([0-9]*\) ns$/\1/p')
result "The same with $(grouped $many) crashes: every one repaired, $(calculate "$each_ns / 1000" '%.1f') us each" \
  "(request, request, crash, restart)."

if [ -e "$prebuilt/supervised.wasm" ]; then
  tell "And a Rust program written for lunatic, unchanged: supervised.wasm 1000 10000"
  start=$(date +%s%N)
  output=$("$vm" run "$prebuilt/supervised.wasm" 1000 10000 2>"$log") || fail "$(tail -n 3 "$log")"
  [ "$output" = "$(cat "$prebuilt/supervised.out")" ] || fail "supervised.wasm printed: $output"
  result "$output ($(calculate "($(date +%s%N) - $start) / 1e9" '%.1f') s)"
fi

chapter "3. A busy loop"
tell "Three processes loop for ever, without a single call. Beside them one sleeps 5 ms at a time, 400 times,"
tell "and looks at the clock. Then the loops are killed. (examples/c/fairness.c)"
output=$("$vm" run "$guests/fairness.wasm" 3 400 5 --time 2>"$log") || fail "$(tail -n 3 "$log")"
figure() { printf '%s\n' "$output" | sed -n "s/^$1: //p"; }
result "It woke $(figure 'median lateness') late in the median, $(figure '99th percentile') at the 99th percentile," \
  "$(figure worst) at worst."
result "A killed loop was dead within $(figure 'slowest death')."

printf '\n%s%s%s\n' "$dim" "$(calculate "($(date +%s%N) - $begin) / 1e9" '%.0f') seconds. Next: README.md, examples/c/lunabeam.h, tools/dev bench." "$plain"
