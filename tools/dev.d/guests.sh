# Guests written in Rust: a toolchain for wasm32-wasip1, the guests built with it, the tests of the crate `lunatic` on our VM.
# Sourced by tools/dev. Everything that is fetched or built lies below build/rust; no lock file is kept in the repository.

rust_dir=$root/build/rust
rust_target=wasm32-wasip1
lunatic_version=0.14.1
# What the crate's tests are built with; the tests themselves are its package's, unmodified.
lunatic_features=json_serializer,msgpack_serializer,protobuf_serializer,sqlite
# Files of tests that need what this build or a test machine has not got, and what that is. All other tests must pass.
declare -A lunatic_needs=([serializers]='a web server in the internet' [udp]='UDP sockets' [sqlite]='SQLite')
lunatic_must_pass=103 # of 117

# has_rust_std RUSTC: whether the compiler brings a standard library for the guests' target.
has_rust_std() {
  local folder
  folder=$("$1" --print target-libdir --target "$rust_target" 2>/dev/null) || return 1
  compgen -G "$folder/libstd-*.rlib" >/dev/null
}

# Sets RUSTC, CARGO and the variables for the linker and the sysroot: of a toolchain that has the target, else of Debian's compiler
# with a standard library that is built here, once per compiler version.
use_rust() {
  local rustc
  if rustc=$(command -v rustc) && has_rust_std "$rustc"; then
    export RUSTC=$rustc
    cargo=$(command -v cargo) || die "$rustc has no cargo beside it"
    return
  fi
  ensure_packages rust
  export RUSTC=/usr/bin/rustc
  cargo=/usr/bin/cargo
  [ -x "$RUSTC" ] && [ -x "$cargo" ] ||
    die "no Rust compiler: install the packages of group rust (tools/dev setup rust), or a toolchain with the target $rust_target"
  local llvm linker_package
  llvm=$("$RUSTC" -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  linker_package=lld-$llvm
  if ! command -v "wasm-ld-$llvm" >/dev/null; then
    [ -z "${LUNABEAM_NO_SETUP:-}" ] || die "wasm-ld-$llvm is missing: install $linker_package"
    step "apt: install $linker_package" apt_get install --no-install-recommends "$linker_package" ||
      die "apt-get install $linker_package failed"
  fi
  rust_linker=wasm-ld-$llvm
  rust_sysroot=$rust_dir/sysroot-$("$RUSTC" -vV | sed -n 's/^release: //p')
  if [ ! -e "$rust_sysroot/complete" ]; then
    step "build a standard library for $rust_target" build_rust_sysroot || die "building the standard library failed"
  fi
  export CARGO_TARGET_WASM32_WASIP1_LINKER=$rust_linker CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS="--sysroot=$rust_sysroot"
}

# What Debian's libc for guests lacks: threads that cannot be made, modes that files do not have. And a start object as newer
# libcs have it, whose _start alone calls the constructors: the linker then wraps no export.
rust_start_object() {
  cat <<'RS'
#![no_std]
#![feature(linkage, thread_local)]
unsafe extern "C" {
    #[thread_local]
    static mut errno: i32;
    fn __wasm_call_ctors();
    fn __main_void() -> i32;
    fn __wasm_call_dtors();
    fn _Exit(code: i32) -> !;
}
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() {
    unsafe {
        __wasm_call_ctors();
        let code = __main_void();
        __wasm_call_dtors();
        if code != 0 {
            _Exit(code)
        }
    }
}
macro_rules! lacking {
    ($($name:ident($($arg:ty),*) = $value:expr, $errno:expr;)*) => {$(
        // Weak: a libc that has it wins.
        #[unsafe(no_mangle)]
        #[linkage = "weak"]
        unsafe extern "C" fn $name($(_: $arg),*) -> i32 {
            if $errno != 0 {
                unsafe { errno = $errno }
            }
            $value
        }
    )*};
}
lacking! {
    pthread_create(usize, usize, usize, usize) = 6, 0; // EAGAIN
    pthread_join(usize, usize) = 0, 0;
    pthread_detach(usize) = 0, 0;
    pthread_attr_init(usize) = 0, 0;
    pthread_attr_destroy(usize) = 0, 0;
    pthread_attr_setstacksize(usize, usize) = 0, 0;
    chmod(usize, u32) = -1, 52; // ENOSYS
    fchmod(i32, u32) = -1, 52;
    realpath(usize, usize) = 0, 52;
}
RS
}

# Compiles the packaged source of the standard library with the compiler it belongs to; asks no registry.
build_rust_sysroot() {
  local work=$rust_dir/std vendor libraries=$rust_sysroot/lib/rustlib/$rust_target/lib
  rm -rf "$work" "$rust_sysroot" || return 1
  mkdir -p "$work/src" "$libraries/self-contained" || return 1
  vendor=$("$RUSTC" --print sysroot)/lib/rustlib/src/rust/library/vendor
  [ -d "$vendor" ] || { say "the source of the standard library is missing: $vendor"; return 1; }
  printf '#![no_std]\n' >"$work/src/lib.rs"
  printf '[package]\nname = "std-builder"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n' >"$work/Cargo.toml"
  (cd "$work" && env -u CARGO_TARGET_WASM32_WASIP1_LINKER RUSTC_BOOTSTRAP=1 CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS=-Cembed-bitcode=yes \
    CARGO_TARGET_DIR=target "$cargo" build --offline --release --target "$rust_target" -Zbuild-std=std,panic_abort,test \
    --config "source.crates-io.replace-with='std'" --config "source.std.directory='$vendor'") || return 1
  cp "$work/target/$rust_target/release/deps/"lib*.rlib "$libraries/" || return 1
  rm -f "$libraries"/libstd_builder-*
  cp /usr/lib/wasm32-wasi/libc.a "$libraries/self-contained/" || return 1
  rust_start_object >"$work/crt.rs"
  RUSTC_BOOTSTRAP=1 "$RUSTC" --edition 2024 --crate-type lib --emit obj -O -C panic=abort -C codegen-units=1 \
    --target "$rust_target" --sysroot "$rust_sysroot" "$work/crt.rs" -o "$work/crt.o" || return 1
  "$rust_linker" -r "$work/crt.o" -o "$libraries/self-contained/crt1-command.o" || return 1
  rm -rf "$work"
  touch "$rust_sysroot/complete"
}

# copy_crate FROM NAME: sources below build/rust, where cargo may write its lock file.
copy_crate() {
  mkdir -p "$rust_dir/$2"
  cp -r "$1/." "$rust_dir/$2/"
  chmod -R u+w "$rust_dir/$2"
}

# fetch_crates FOLDER [CARGO-FLAG...]: status 1: they cannot be had here.
fetch_crates() {
  local folder=$1
  shift
  (cd "$folder" && "$cargo" fetch -q --target "$rust_target" "$@")
}

# rust_guest NAME: the built guest.
rust_guest() { printf '%s\n' "$rust_dir/target/$rust_target/release/$1.wasm"; }

# guest_prints NAME EXPECTED-FILE [ARG...]: runs a guest and compares its standard output.
guest_prints() {
  local name=$1 expected=$2
  shift 2
  "$vm" run "$(rust_guest "$name")" "$@" >"$rust_dir/$name.out" && cmp "$rust_dir/$name.out" "$expected"
}

guests_build() {
  local shared_guests=${LUNABEAM_SHARED_DIR:-$root/../shared}/guests status=0 folder
  ensure_packages build
  build_preset release lunabeam
  use_rust
  vm=$root/build/release/bin/lunabeam
  export CARGO_TARGET_DIR=$rust_dir/target
  copy_crate examples/rust examples
  if [ -d "$shared_guests/src" ]; then copy_crate "$shared_guests" shared; fi
  for folder in examples shared; do
    if [ ! -d "$rust_dir/$folder" ]; then
      say "skipped: Rust guests of ../shared/guests (not there)"
      continue
    fi
    if ! step "fetch the crates of the Rust guests ($folder)" fetch_crates "$rust_dir/$folder"; then
      say "skipped: Rust guests ($folder): their crates cannot be fetched here"
      continue
    fi
    (cd "$rust_dir/$folder" && step "build the Rust guests ($folder)" "$cargo" build --offline --release --target "$rust_target") ||
      { status=1; continue; }
    case "$folder" in
      examples)
        step 'run example counters' guest_prints counters examples/rust/counters.out || status=1
        (cd "$rust_dir/examples" && PATH=$root/build/release/bin:$PATH step 'cargo test of the Rust examples' \
          "$cargo" test --offline --target "$rust_target") || status=1
        ;;
      shared)
        step 'run guest squares' guest_prints squares "$shared_guests/prebuilt/squares.out" || status=1
        step 'run guest tour' guest_prints tour "$shared_guests/prebuilt/tour.out" || status=1
        step 'run guest supervised' guest_prints supervised "$shared_guests/prebuilt/supervised.out" 1000 10000 || status=1
        ;;
    esac
  done
  [ "$status" -eq 0 ] || die 'some Rust guest failed'
  say "Rust guests: $rust_dir/target/$rust_target/release"
}

# The package of the crate with its tests, unpacked by cargo, once.
unpack_lunatic() {
  local package folder=$rust_dir/lunatic-$lunatic_version
  [ ! -e "$folder/.unpacked" ] || return 0
  rm -rf "$rust_dir/fetch" "$folder"
  mkdir -p "$rust_dir/fetch/src"
  printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n[dependencies]\nlunatic = "=%s"\n' \
    "$lunatic_version" >"$rust_dir/fetch/Cargo.toml"
  printf 'fn main() {}\n' >"$rust_dir/fetch/src/main.rs"
  fetch_crates "$rust_dir/fetch" || return 1
  package=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/src/*/lunatic-$lunatic_version" | head -n 1)
  [ -n "$package" ] || return 1
  cp -r "$package" "$folder"
  chmod -R u+w "$folder"
  fetch_crates "$folder" --locked || return 1
  rm -rf "$rust_dir/fetch"
  touch "$folder/.unpacked"
}

# Reads the output of `cargo test`: how many tests passed, which failed, by file.
read_test_output() {
  awk '
    /^ *Running / { file = $2; sub(".*/", "", file); sub("[.]rs$", "", file) }
    /^test .* [.][.][.] ok$/ { passed++ }
    /^test .* [.][.][.] FAILED$/ { print "failed", file, $2 }
    END { print "passed", passed + 0 }'
}

# guests_test [TIMES]: the crate's tests as Cargo runs them, on one worker and on two.
# One at a time: some of them sleep for 10 ms and want that something else be done by then, which their neighbours would delay.
guests_test() {
  local times=${1:-1} workers run status=0 log output names failed passed
  [[ "$times" =~ ^[1-9][0-9]*$ ]] || die "not a number of times: $times"
  ensure_packages build
  build_preset release lunabeam
  use_rust
  export CARGO_TARGET_DIR=$rust_dir/target-lunatic
  export CARGO_TARGET_WASM32_WASIP1_RUNNER="$root/build/release/bin/lunabeam run"
  if ! step "fetch lunatic $lunatic_version" unpack_lunatic; then
    say "skipped: tests of lunatic $lunatic_version (its package cannot be fetched here)"
    return
  fi
  local cargo_test=("$cargo" test --locked --offline --target "$rust_target" --test '*' --features "$lunatic_features")
  (cd "$rust_dir/lunatic-$lunatic_version" && step "build the tests of lunatic $lunatic_version" "${cargo_test[@]}" --no-run) ||
    die "building the tests of lunatic failed"
  for workers in 1 2; do
    for ((run = 1; run <= times; run++)); do
      log=$rust_dir/lunatic-workers$workers-run$run.log
      (cd "$rust_dir/lunatic-$lunatic_version" && LUNABEAM_WORKERS=$workers "${cargo_test[@]}" --no-fail-fast \
        -- --test-threads=1) >"$log" 2>&1 || true
      output=$(read_test_output <"$log")
      passed=$(sed -n 's/^passed //p' <<<"$output")
      names=$(sed -n 's/^failed //p' <<<"$output")
      failed=$(grep -vE "^($(IFS='|'; printf '%s' "${!lunatic_needs[*]}")) " <<<"$names" || true)
      say "workers $workers, run $run of $times: $passed passed, $(grep -c . <<<"$names" || true) need what is outside or failed"
      if [ -n "$failed" ] || [ "$passed" -lt "$lunatic_must_pass" ]; then
        warn "failed: ${failed:-fewer than $lunatic_must_pass tests passed}; see $log"
        status=1
      fi
    done
  done
  local file name
  while read -r file name; do
    [ -z "${lunatic_needs[$file]:-}" ] || say "failed, as it needs ${lunatic_needs[$file]}: $file $name"
  done <<<"$names"
  [ "$status" -eq 0 ] || die 'some test of the crate failed'
}

# guests [build | test [TIMES]]
guests() {
  case "${1:-build}" in
    build) guests_build ;;
    test) guests_test "${@:2}" ;;
    *) die "unknown argument: $1 (build, test)" ;;
  esac
}
