# Configuring and building a preset. Sourced by tools/dev.

all_presets=(dev release asan-ubsan tsan torture gcc)

require_presets() {
  local preset
  for preset in "$@"; do
    [[ " ${all_presets[*]} " == *" $preset "* ]] || die "unknown preset: $preset (presets: ${all_presets[*]})"
  done
}

# Parallel jobs: one per processor, and no more than memory holds (a translation unit takes up to 1 GiB).
job_count() {
  if [ -n "${LUNABEAM_JOBS:-}" ]; then
    printf '%s\n' "$LUNABEAM_JOBS"
    return
  fi
  local processors by_memory
  processors=$(nproc)
  by_memory=$(awk '/^MemAvailable/ {print int($2 / 1048576)}' /proc/meminfo)
  [ "$by_memory" -ge 1 ] || by_memory=1
  printf '%s\n' $((processors < by_memory ? processors : by_memory))
}

# The compiler's own tools (llvm-symbolizer for sanitizer reports) are found beside it.
use_toolchain() {
  local compiler
  if compiler=$(command -v clang++-22); then
    PATH=$PATH:$(dirname "$(readlink -f "$compiler")")
    export PATH
  fi
}

# configure_preset PRESET: only when there is no build tree yet or the presets have changed; ninja sees to the rest.
configure_preset() {
  local ninja_file=build/$1/build.ninja
  if [ ! -e "$ninja_file" ] || [ CMakePresets.json -nt "$ninja_file" ]; then
    step "configure $1" cmake --preset "$1" || die "configuring $1 failed"
    touch -c "$ninja_file"
  fi
}

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1
  shift
  use_toolchain
  configure_preset "$preset"
  step "build $preset${1:+ ($*)}" ninja -C "build/$preset" -j "$(job_count)" "$@" || die "building $preset failed"
}
