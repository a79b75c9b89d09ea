# Build options, and the compiler and linker flags that every target shares.

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, RelWithDebInfo (checks on) or Release (checks off)" FORCE)
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON) # __int128, computed labels and vector extensions in the engine
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

# VM_DCHECK follows NDEBUG: off in Release, on everywhere else.
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -g1")

set(LUNABEAM_SANITIZE "none" CACHE STRING "Sanitizers: none, 'address,undefined' or thread")
set_property(CACHE LUNABEAM_SANITIZE PROPERTY STRINGS none "address,undefined" thread)
option(LUNABEAM_TORTURE "Relocate stacks at calls, yield at every tick" OFF)
if(NOT LUNABEAM_SANITIZE STREQUAL "none" OR LUNABEAM_TORTURE)
  set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1") # Lines for the reports; a debugger is the dev preset's.
endif()
option(LUNABEAM_COVERAGE "Source-based coverage (clang)" OFF)
option(LUNABEAM_FUZZ "Instrument for libFuzzer and build the fuzz targets (clang)" OFF)
option(LUNABEAM_TESTS "Build the tests" ON)
set(LUNABEAM_SHARED_DIR "${CMAKE_SOURCE_DIR}/../shared" CACHE PATH
  "Material beside the checkout (prebuilt guests, spec scripts); tests that need it are skipped where it is missing")

# --- compiler abilities ---------------------------------------------------------------------------------------------
# Tail dispatch needs guaranteed tail calls and a convention that passes a handler's state in registers.
include(CheckCXXSourceCompiles)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 19)
  set(CMAKE_REQUIRED_FLAGS "-Werror")
  check_cxx_source_compiles("
    struct State { int n; };
    __attribute__((preserve_none)) int next(State* s);
    __attribute__((preserve_none)) int first(State* s) { [[clang::musttail]] return next(s); }
    __attribute__((preserve_none)) int next(State* s) { return s->n; }
    int main() { State s{0}; return first(&s); }" LUNABEAM_HAS_TAIL_DISPATCH)
  unset(CMAKE_REQUIRED_FLAGS)
else()
  set(LUNABEAM_HAS_TAIL_DISPATCH OFF)
endif()

# Tail and step are both compiled where the compiler can do both; this picks the default of a program.
# Thread sanitizer and coverage instrument every handler, which makes step the more telling of the two.
if(NOT LUNABEAM_HAS_TAIL_DISPATCH OR LUNABEAM_SANITIZE STREQUAL "thread" OR LUNABEAM_COVERAGE)
  set(default_dispatch step)
else()
  set(default_dispatch tail)
endif()
set(LUNABEAM_DISPATCH "${default_dispatch}" CACHE STRING "Default dispatch of the interpreter: tail or step")
set_property(CACHE LUNABEAM_DISPATCH PROPERTY STRINGS tail step)
if(LUNABEAM_DISPATCH STREQUAL "tail" AND NOT LUNABEAM_HAS_TAIL_DISPATCH)
  message(FATAL_ERROR "LUNABEAM_DISPATCH=tail needs clang 19 or later (musttail, preserve_none)")
elseif(NOT LUNABEAM_DISPATCH MATCHES "^(tail|step)$")
  message(FATAL_ERROR "LUNABEAM_DISPATCH is '${LUNABEAM_DISPATCH}': it must be tail or step")
endif()

# --- definitions ----------------------------------------------------------------------------------------------------
# LUNABEAM_DISPATCH_TAIL: 1 when tail is the default dispatch. LUNABEAM_HAS_TAIL_DISPATCH: 1 when it is compiled in.
# LUNABEAM_TORTURE: defined (to 1) in torture builds only.
add_compile_definitions(
  LUNABEAM_DISPATCH_TAIL=$<STREQUAL:${LUNABEAM_DISPATCH},tail>
  LUNABEAM_HAS_TAIL_DISPATCH=$<BOOL:${LUNABEAM_HAS_TAIL_DISPATCH}>)
if(LUNABEAM_TORTURE)
  add_compile_definitions(LUNABEAM_TORTURE=1)
endif()
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_definitions(_GLIBCXX_ASSERTIONS)
endif()

# --- warnings -------------------------------------------------------------------------------------------------------
add_compile_options(-Wall -Wextra -Werror -Wvla -Wimplicit-fallthrough
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_compile_options(-Wshadow -Wshorten-64-to-32 -Wextra-semi -fcolor-diagnostics)
else()
  # g++ 12 reports these on correct code of libstdc++ and fmt at -O2; clang's analysis and the sanitizers cover them.
  add_compile_options(-Wshadow=local -Wno-attributes=clang:: -Wno-maybe-uninitialized -Wno-restrict -Wno-array-bounds
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-dangling-pointer -Wno-use-after-free
    -Wno-dangling-else -Wno-psabi -fdiagnostics-color)
endif()

# --- code generation ------------------------------------------------------------------------------------------------
# Paths in checks and debug information are relative to the repository, so a binary does not depend on where it was built.
add_compile_options("-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
add_compile_options(-fno-strict-aliasing -fno-plt)
if(NOT LUNABEAM_SANITIZE STREQUAL "none")
  add_compile_options(-fsanitize=${LUNABEAM_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${LUNABEAM_SANITIZE})
  if(LUNABEAM_SANITIZE MATCHES "undefined")
    # vptr needs the type information that the layers are built without.
    add_compile_options(-fno-sanitize-recover=all -fno-sanitize=vptr)
    add_link_options(-fno-sanitize=vptr)
  endif()
endif()
if(LUNABEAM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(LUNABEAM_COVERAGE)
  add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
  add_link_options(-fprofile-instr-generate)
endif()

# --- linker, allocator, compiler cache ------------------------------------------------------------------------------
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections)

# Symbols of shared C++ libraries and a relocation for every pointer in a constant table take more time at the start of a program than
# all that it does itself.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND LUNABEAM_SANITIZE STREQUAL "none")
  set(default_static ON)
else()
  set(default_static OFF)
endif()
option(LUNABEAM_STATIC "Link the C++ library and fmt statically, relocations packed" ${default_static})
if(LUNABEAM_STATIC)
  include(CheckLinkerFlag)
  check_linker_flag(CXX "-Wl,-z,pack-relative-relocs" LUNABEAM_HAS_PACKED_RELOCATIONS)
  if(LUNABEAM_HAS_PACKED_RELOCATIONS)
    add_link_options(-Wl,-z,pack-relative-relocs)
  endif()
endif()
add_compile_options(-ffunction-sections -fdata-sections)

if(LUNABEAM_SANITIZE STREQUAL "none")
  set(default_mimalloc ON)
else()
  set(default_mimalloc OFF)
endif()
option(LUNABEAM_MIMALLOC "Link mimalloc as the programs' malloc" ${default_mimalloc})
if(LUNABEAM_MIMALLOC)
  if(NOT LUNABEAM_SANITIZE STREQUAL "none")
    message(FATAL_ERROR "LUNABEAM_MIMALLOC hides the sanitizers' malloc: turn one of them off")
  endif()
  find_package(mimalloc REQUIRED)
endif()

find_program(LUNABEAM_CCACHE ccache)
mark_as_advanced(LUNABEAM_CCACHE)
if(LUNABEAM_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Relative paths and no directory in the hash: worktrees of one repository share their objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env
    "CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}" CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
    "CCACHE_IGNOREOPTIONS=${CMAKE_BINARY_DIR}/*" CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime "${LUNABEAM_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()

# --- precompiled headers ----------------------------------------------------------------------------------------------
# Most of a translation unit's time goes into the standard library and fmt. They are compiled once per target where the compiler is
# clang; the gcc preset does without, so that every file is known to include what it uses.
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  set(default_pch ON)
else()
  set(default_pch OFF)
endif()
option(LUNABEAM_PCH "Precompile the headers of the standard library" ${default_pch})
if(LUNABEAM_PCH)
  # Without the header beside it, whose path ccache would take for a difference between worktrees.
  set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -Xclang -include-pch -Xclang <PCH_FILE>)
endif()
# lunabeam_precompile(<target> [HEADERS <header>...])
# Precompiles the usual headers, and these, for a target.
function(lunabeam_precompile target)
  if(NOT LUNABEAM_PCH)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "HEADERS" ${ARGN})
  set(headers <algorithm> <array> <atomic> <bit> <cstdlib> <cstring> <expected> <functional> <memory> <mutex> <optional>
    <span> <string> <string_view> <type_traits> <unordered_map> <utility> <vector> <fmt/format.h> ${arg_HEADERS})
  target_precompile_headers(${target} PRIVATE ${headers})
  # The same bytes whenever it is built.
  target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  # What ccache takes for the contents of the precompiled file, which holds paths of the build tree.
  string(SHA256 sum "${CMAKE_CXX_COMPILER_VERSION} ${fmt_VERSION} ${GTest_VERSION} ${headers}")
  get_target_property(binary_dir ${target} BINARY_DIR)
  file(WRITE "${binary_dir}/CMakeFiles/${target}.dir/cmake_pch.hxx.pch.sum" "${sum}")
endfunction()
