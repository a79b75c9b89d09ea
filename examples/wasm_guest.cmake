# Builds WebAssembly guests into <build>/guests. Target `guests` is all of them.
#
# lunabeam_wasm_guest(<name> <source.c> [SMALL] [FLAGS <options>...] [DEPENDS <targets>...])
#   <build>/guests/<name>.wasm from C. SMALL links for a memory of one 64 KiB page, stack and data included.
# lunabeam_wat_guest(<name> <source.wat> [FLAGS <options>...])
#   the same from the text format, through wabt.
#
# LUNABEAM_HAS_WASM_CC and LUNABEAM_WAT2WASM tell whether C and text guests can be built here; where they cannot, the
# functions do nothing, and what needs the guests is skipped by name.
include_guard(GLOBAL)

set(LUNABEAM_WASM_CC "${CMAKE_CURRENT_LIST_DIR}/wasm-cc" CACHE INTERNAL "C compiler for guests")
set(LUNABEAM_GUEST_INCLUDE "${CMAKE_CURRENT_LIST_DIR}/c" CACHE INTERNAL "Folder of the guest header")
set(LUNABEAM_GUEST_DIR "${CMAKE_BINARY_DIR}/guests" CACHE INTERNAL "Folder of the built guests")
find_program(LUNABEAM_WAT2WASM wat2wasm)
mark_as_advanced(LUNABEAM_WAT2WASM)

if(NOT DEFINED LUNABEAM_HAS_WASM_CC)
  set(probe "${CMAKE_BINARY_DIR}/CMakeFiles/wasm_cc_probe.c")
  file(WRITE "${probe}" "#include <stdio.h>\nint main(void) { return puts(\"\") < 0; }\n")
  execute_process(COMMAND "${LUNABEAM_WASM_CC}" "${probe}" -o "${probe}.wasm"
    RESULT_VARIABLE status OUTPUT_QUIET ERROR_VARIABLE reason ERROR_STRIP_TRAILING_WHITESPACE)
  if(status EQUAL 0)
    set(LUNABEAM_HAS_WASM_CC ON CACHE INTERNAL "C guests can be built")
  else()
    message(STATUS "C guests are left out: ${reason}")
    set(LUNABEAM_HAS_WASM_CC OFF)
  endif()
endif()

file(MAKE_DIRECTORY "${LUNABEAM_GUEST_DIR}")
if(NOT TARGET guests)
  add_custom_target(guests ALL)
endif()

function(lunabeam_wasm_guest name source)
  cmake_parse_arguments(arg "SMALL" "" "FLAGS;DEPENDS" ${ARGN})
  if(NOT LUNABEAM_HAS_WASM_CC)
    return()
  endif()
  cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set(module "${LUNABEAM_GUEST_DIR}/${name}.wasm")
  set(flags "-I${LUNABEAM_GUEST_INCLUDE}" ${arg_FLAGS})
  if(arg_SMALL)
    list(APPEND flags -Wl,--stack-first -Wl,-z,stack-size=16832 -Wl,--initial-memory=65536)
  endif()
  add_custom_command(OUTPUT "${module}"
    COMMAND "${LUNABEAM_WASM_CC}" ${flags} "${source}" -o "${module}" -MD -MF "${module}.d" -MT "${module}"
    DEPENDS "${source}" "${LUNABEAM_WASM_CC}" ${arg_DEPENDS}
    DEPFILE "${module}.d"
    COMMENT "Building guest ${name}.wasm" VERBATIM)
  add_custom_target(guest_${name} DEPENDS "${module}")
  add_dependencies(guests guest_${name})
endfunction()

function(lunabeam_wat_guest name source)
  cmake_parse_arguments(arg "" "" "FLAGS" ${ARGN})
  if(NOT LUNABEAM_WAT2WASM)
    return()
  endif()
  cmake_path(ABSOLUTE_PATH source BASE_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
  set(module "${LUNABEAM_GUEST_DIR}/${name}.wasm")
  add_custom_command(OUTPUT "${module}"
    COMMAND "${LUNABEAM_WAT2WASM}" --debug-names ${arg_FLAGS} "${source}" -o "${module}"
    DEPENDS "${source}"
    COMMENT "Assembling guest ${name}.wasm" VERBATIM)
  add_custom_target(guest_${name} DEPENDS "${module}")
  add_dependencies(guests guest_${name})
endfunction()
