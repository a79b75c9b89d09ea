# Tests, static analysis, formatting. Sourced by tools/dev.

failed_presets=()
checked_presets=()

# check_preset PRESET [CTEST-ARG...]: builds and tests; a failure is remembered so that the other presets still run.
check_preset() {
  local preset=$1
  shift
  build_preset "$preset"
  if [ "$preset" = release ]; then
    build_preset release header_check
  fi
  checked_presets+=("$preset")
  local arguments=(--preset "$preset" -j "$(job_count)" --output-junit "$root/build/$preset/junit.xml" "$@")
  if on_terminal; then arguments+=(--progress); fi
  rm -f "build/$preset/junit.xml"
  step "test $preset${1:+ ($*)}" ctest "${arguments[@]}" || failed_presets+=("$preset")
}

print_test_summary() {
  local results=() preset
  for preset in "${checked_presets[@]}"; do results+=("$preset=build/$preset/junit.xml"); done
  say ''
  python3 tools/dev.d/summary.py "${results[@]}" || failed_presets+=(summary)
  if [ ${#failed_presets[@]} -gt 0 ]; then
    die "tests failed: ${failed_presets[*]} (total time $(duration $((SECONDS - started_at))))"
  fi
  say "${green}all tests passed${plain} (total time $(duration $((SECONDS - started_at))))"
}

# changed_files PATTERN...: tracked or new files that differ from main (on main itself: from the commit before).
changed_files() {
  local base head
  head=$(git rev-parse HEAD)
  base=$(git merge-base HEAD main 2>/dev/null || git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$head" ]; then
    base=$(git rev-parse --verify -q HEAD~1 || git hash-object -t tree /dev/null)
  fi
  { git diff --name-only --diff-filter=d "$base" -- "$@"; git ls-files --others --exclude-standard -- "$@"; } | sort -u
}

# select_files [--all] -- PATTERN... fills the array `files`.
select_files() {
  local everything=$1
  shift
  if [ "$everything" = yes ]; then
    mapfile -t files < <({ git ls-files -- "$@"; git ls-files --others --exclude-standard -- "$@"; } | sort -u)
  else
    mapfile -t files < <(changed_files "$@")
  fi
}

parse_all_flag() {
  everything=no
  case "${1:-}" in
    '') ;;
    --all) everything=yes ;;
    *) die "unknown argument: $1 (only --all)" ;;
  esac
}

format() {
  local everything files
  parse_all_flag "$@"
  ensure_packages lint
  select_files "$everything" '*.h' '*.cpp' '*.c'
  [ ${#files[@]} -gt 0 ] || { say 'no C++ file has changed'; return 0; }
  clang-format-22 -i "${files[@]}"
  say "formatted ${#files[@]} files"
}

run_clang_tidy() {
  printf '%s\0' "$@" | xargs -0 -n 1 -P "$(job_count)" clang-tidy-22 --quiet -p build/dev
}

lint() {
  local everything files units=() file status=0
  parse_all_flag "$@"
  ensure_packages build lint
  use_toolchain
  configure_preset dev
  step 'repository rules' python3 tests/structure/check.py --root "$root" all || status=1
  step 'copied code' python3 tests/structure/copies.py --root "$root" || status=1
  select_files "$everything" '*.h' '*.cpp' '*.c'
  if [ ${#files[@]} -gt 0 ]; then
    step "format of ${#files[@]} files" clang-format-22 --dry-run -Werror "${files[@]}" || status=1
  fi
  # A header is analysed through its own translation unit, the one that header_check compiles.
  ninja -C build/dev build.ninja >/dev/null 2>&1
  for file in "${files[@]}"; do
    case "$file" in
      *.cpp) ;;
      vm/*.h | jit/*.h | runtime/*.h | wasi/*.h)
        file=build/dev/header_check/$(printf '%s' "$file" | tr -c 'A-Za-z0-9' '_').cpp ;;
      *) continue ;;
    esac
    if grep -qF "$file\"" build/dev/compile_commands.json; then units+=("$file"); fi
  done
  if [ ${#units[@]} -gt 0 ]; then
    step "clang-tidy on ${#units[@]} units" run_clang_tidy "${units[@]}" || status=1
  fi
  [ "$status" -eq 0 ] || die 'lint found something'
  say "${green}lint is clean${plain} (total time $(duration $((SECONDS - started_at))))"
}
