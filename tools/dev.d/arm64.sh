# The cross build for AArch64 and what it computes under emulation. Sourced by tools/dev.

arm64_launcher=qemu-aarch64
arm64_programs=build/arm64/bin
arm64_shared=../shared

# Emulation takes some ten times as long; a script that hangs is ended all the same.
arm64_timeout_s=1800

# What the part runs: scripts that together use every kind of handler and whatever is done differently per processor
# (conversions, NaNs, vectors, unaligned memory, atomics of nothing), and that take little time.
arm64_part='^core/(f32|f64_cmp|float_exprs)\.wast$'

# build_arm64 TARGET...
build_arm64() {
  [ "$(uname -m)" != aarch64 ] || die 'this machine is AArch64 itself: tools/dev test'
  ensure_packages build arm64
  build_preset arm64 "$@"
}

# arm64_scripts NAME FILTER [OPTION...]: the scripts of the specification whose path matches. Status 1: something failed.
arm64_scripts() {
  local name=$1 filter=$2
  shift 2
  if [ ! -d "$arm64_shared/spec-testsuite" ]; then
    say "skipped: $name (there is no $arm64_shared/spec-testsuite)"
    return 0
  fi
  step "$name" "$arm64_launcher" "$arm64_programs/lunabeam-spectest" --launcher "$arm64_launcher" --jobs "$(job_count)" \
    --timeout "$arm64_timeout_s" --filter "$filter" --expected-failures tests/spec/expected-failures.txt \
    --json build/arm64/spectest.json "$@" "$arm64_shared/spec-testsuite"
}

# arm64_guest NAME DISPATCH CHECK... -- ARGUMENT...: one of the prebuilt guests in a dispatch, with options of check_guest.py.
arm64_guest() {
  local name=$1 dispatch=$2 check=()
  shift 2
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
  step "$name on AArch64, $dispatch" tests/guests/check_guest.py --launcher "$arm64_launcher" --vm "$arm64_programs/lunabeam" \
    "--vm-args=--dispatch=$dispatch" "${check[@]}" "$module" "$@"
}

# The part that tools/dev test runs: builds the runner of scripts only. Status 1: something failed.
check_arm64_part() {
  build_arm64 lunabeam-spectest
  arm64_scripts 'scripts on AArch64, a part' "$arm64_part" --tier interp-tail
}

check_arm64_full() {
  local status=0 dispatch
  build_arm64 lunabeam lunabeam-spectest
  arm64_scripts 'scripts on AArch64' '^(core|custom|legacy|proposals/(custom-page-sizes|threads|wide-arithmetic))/' || status=1
  for dispatch in tail step; do
    arm64_guest squares "$dispatch" --stdout "$arm64_shared/guests/prebuilt/squares.out" -- || status=1
    arm64_guest tour "$dispatch" --stdout "$arm64_shared/guests/prebuilt/tour.out" -- || status=1
    arm64_guest supervised "$dispatch" --supervised -- 100 1000 7 || status=1
  done
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
