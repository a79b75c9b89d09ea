# Fuzzing. Sourced by tools/dev.

fuzz_targets=(script binary execute)
fuzz_max_len=65536 # also the largest seed, see tests/fuzz/replay.cpp

# fuzz [SECONDS] [TARGET]: each target (or the one named) for SECONDS, one after the other. What was learned stays in
# build/fuzz/corpus for the next time; findings are in build/fuzz/findings.
fuzz() {
  local seconds=${1:-1200} targets=("${fuzz_targets[@]}") target failed=()
  [[ "$seconds" =~ ^[0-9]+$ ]] || die "not a number of seconds: $seconds"
  if [ $# -gt 1 ]; then
    [[ " ${fuzz_targets[*]} " == *" $2 "* ]] || die "unknown fuzz target: $2 (targets: ${fuzz_targets[*]})"
    targets=("$2")
  fi
  ensure_packages build
  build_preset fuzz fuzz_replay "${targets[@]/#/fuzz_}"
  mkdir -p build/fuzz/findings
  if [ -d ../shared/spec-testsuite ] && [ ! -e build/fuzz/seeds/script.dict ]; then
    step 'fuzz: write the seeds' build/fuzz/bin/fuzz_replay write-seeds build/fuzz/seeds ../shared/spec-testsuite ||
      die 'the seeds could not be written'
  fi
  for target in "${targets[@]}"; do
    fuzz_target "$target" "$seconds" || failed+=("$target")
  done
  for target in "${targets[@]}"; do fuzz_summary "$target"; done
  [ ${#failed[@]} -eq 0 ] || die "findings of: ${failed[*]} (build/fuzz/findings)"
}

fuzz_target() {
  local target=$1 seconds=$2 folder options
  mkdir -p "build/fuzz/corpus/$target" "build/fuzz/seeds/$target"
  options=("-max_total_time=$seconds" "-max_len=$fuzz_max_len" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1
    "-artifact_prefix=build/fuzz/findings/$target-")
  if [ "$target" = script ] && [ -e build/fuzz/seeds/script.dict ]; then options+=(-dict=build/fuzz/seeds/script.dict); fi
  step "fuzz $target" env ASAN_OPTIONS="allocator_may_return_null=1:detect_stack_use_after_return=0:detect_leaks=1" \
    UBSAN_OPTIONS=print_stacktrace=1 \
    "build/fuzz/bin/fuzz_$target" "${options[@]}" "build/fuzz/corpus/$target" "build/fuzz/seeds/$target" \
    "tests/fuzz/regressions/$target"
}

# One line: how much was tried, how far it got, what was found.
fuzz_summary() {
  local target=$1 log findings
  findings=$(find build/fuzz/findings -name "$target-*" -type f | wc -l)
  log=$log_dir/fuzz_$target.log
  if on_terminal || [ ! -e "$log" ]; then
    say "fuzz $target: $findings findings in build/fuzz/findings"
    return
  fi
  say "fuzz $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
    "$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1) edges," \
    "$(find "build/fuzz/corpus/$target" -type f | wc -l) inputs in the corpus, $findings findings"
}
