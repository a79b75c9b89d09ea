# The storm of processes (tests/stress). Sourced by tools/dev.

# storm [SECONDS] [PRESET] [WORKERS]: rounds of at most a minute, each with another seed and counted to the last block, until the time is up.
storm() {
  local seconds=${1:-60} preset=${2:-release} workers=${3:-2} round=0 left length
  [[ "$seconds" =~ ^[1-9][0-9]*$ ]] || die "not a number of seconds: $seconds"
  [[ "$workers" =~ ^[1-9][0-9]*$ ]] || die "not a number of workers: $workers"
  require_presets "$preset"
  ensure_packages build
  build_preset "$preset" storm
  for ((left = seconds; left > 0; left -= length)); do
    length=$((left < 60 ? left : 60))
    round=$((round + 1))
    "build/$preset/bin/storm" "$length" "$workers" "$round" || die "the storm left something behind (seed $round)"
  done
  say "storm: $round rounds, $seconds seconds, nothing left over"
}
