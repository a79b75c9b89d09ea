# Differential tests (tests/differential). Sourced by tools/dev.

# differential [COUNT] [ARG...]: COUNT random modules (2000) in every tier and in wasmtime; arguments go to tests/differential/run.py.
# What differs is kept in build/differential/findings.
differential() {
  local count=${1:-2000} status=0
  [[ "$count" =~ ^[1-9][0-9]*$ ]] || die "not a number of modules: $count"
  [ $# -eq 0 ] || shift
  ensure_packages build
  build_preset release lunabeam_differential
  tests/differential/run.py --count "$count" "$@" || status=$?
  [ "$status" -ne 77 ] || die 'the packages that the comparison needs cannot be fetched'
  return "$status"
}
