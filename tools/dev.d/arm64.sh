# The cross build for AArch64 and what it computes under emulation. Sourced by tools/dev.

arm64_launcher=qemu-aarch64
arm64_shared=../shared
# Of one script: emulation takes some ten times as long, and what hangs is ended all the same.
arm64_timeout_s=1800

# build_arm64 PRESET TARGET...
build_arm64() {
  [ "$(uname -m)" != aarch64 ] || die 'this machine is AArch64 itself: tools/dev test'
  ensure_packages build arm64
  build_preset "$@"
}

# arm64_scripts PRESET NAME FILTER [OPTION...]: the scripts of the specification whose path matches. Status 1: something failed.
arm64_scripts() {
  local preset=$1 name=$2 filter=$3
  shift 3
  if [ ! -d "$arm64_shared/spec-testsuite" ]; then
    say "skipped: $name (there is no $arm64_shared/spec-testsuite)"
    return 0
  fi
  step "$name" "$arm64_launcher" "build/$preset/bin/lunabeam-spectest" --launcher "$arm64_launcher" --jobs "$(job_count)" \
    --timeout "$arm64_timeout_s" --filter "$filter" --expected-failures tests/spec/expected-failures.txt \
    --json "build/$preset/spectest.json" "$@" "$arm64_shared/spec-testsuite"
}

# arm64_guest NAME LABEL LAUNCHER OPTION CHECK... -- ARGUMENT...: a prebuilt guest under an emulator, with an option of `lunabeam run`
# and options of check_guest.py. Status 1: it failed.
arm64_guest() {
  local name=$1 label=$2 launcher=$3 option=$4 check=()
  shift 4
  while [ "$1" != -- ]; do
    check+=("$1")
    shift
  done
  shift
  local module=$arm64_shared/guests/prebuilt/$name.wasm
  if [ ! -e "$module" ]; then
    say "skipped: $name on AArch64 (there is no $module)"
    return 0
  fi
  step "$name on AArch64, $label" python3 -B tests/guests/check_guest.py --launcher "$launcher" --vm build/arm64/bin/lunabeam \
    "--vm-args=$option" "${check[@]}" "$module" "$@"
}

# The least that is worth its time: the runner of scripts only, with checks, and `core` in the dispatch that is this processor's own
# matter (guaranteed tail calls, registers for the interpreter's state). Status 1: something failed.
check_arm64_part() {
  build_arm64 arm64-part lunabeam-spectest
  arm64_scripts arm64-part 'core scripts on AArch64' '^core/' --tier interp-tail
}

# The same as a step of `tools/dev test`: on an x86-64, unless what it needs may not be installed.
test_arm64_part() {
  if [ "$(uname -m)" != x86_64 ]; then return 0; fi
  if [ -n "${LUNABEAM_NO_SETUP:-}" ] && ! command -v "$arm64_launcher" >/dev/null; then
    say "skipped: core scripts on AArch64 (no $arm64_launcher, and LUNABEAM_NO_SETUP is set)"
    return 0
  fi
  check_arm64_part
}

# Every script in each dispatch, and whole guests: in each dispatch, and on a kernel whose pages are 64 KiB. Status 1: something failed.
check_arm64_full() {
  local status=0 dispatch prebuilt=$arm64_shared/guests/prebuilt
  build_arm64 arm64 lunabeam lunabeam-spectest
  arm64_scripts arm64 'scripts on AArch64' '^(core|custom|legacy|proposals/(custom-page-sizes|threads|wide-arithmetic))/' || status=1
  for dispatch in tail step; do
    arm64_guest squares "$dispatch" "$arm64_launcher" "--dispatch=$dispatch" --stdout "$prebuilt/squares.out" -- || status=1
    arm64_guest tour "$dispatch" "$arm64_launcher" "--dispatch=$dispatch" --stdout "$prebuilt/tour.out" -- || status=1
    arm64_guest supervised "$dispatch" "$arm64_launcher" "--dispatch=$dispatch" --supervised -- 100 1000 7 || status=1
  done
  arm64_guest supervised 'large pages' "$arm64_launcher -p 65536" --workers=2 --supervised -- 100 1000 7 || status=1
  return "$status"
}

# arm64 [full|part]
arm64() {
  case "${1:-full}" in
    full | part) ;;
    *) die "unknown argument: $1 (full or part)" ;;
  esac
  "check_arm64_${1:-full}" || die 'something failed on AArch64'
  say "${green}AArch64: nothing failed${plain} (total time $(duration $((SECONDS - started_at))))"
}
