# The three kinds of target: a layer (static library), a tool (executable and its parts), a unit test suite.

# lunabeam_add_layer(<folder> [LINK <targets>...])
# Static library lunabeam_<folder> over every source of the current folder; an empty folder gives an interface library,
# so that the layers above can name it before it has code.
function(lunabeam_add_layer layer)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(NOT LUNABEAM_HAS_TAIL_DISPATCH)
    list(FILTER sources EXCLUDE REGEX "/interp/interp_tail[^/]*\\.cpp$")
  endif()
  set(library "lunabeam_${layer}")
  if(sources)
    add_library(${library} STATIC ${sources})
    target_compile_options(${library} PRIVATE -fno-exceptions -fno-rtti)
    lunabeam_precompile(${library})
    set(scope PUBLIC)
  else()
    add_library(${library} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${library} ${scope} "${CMAKE_SOURCE_DIR}")
  target_link_libraries(${library} ${scope} ${arg_LINK})
endfunction()

# lunabeam_use_mimalloc(<executable>)
# Makes mimalloc the program's malloc. Call it before any other target_link_libraries of the program: the first library
# that defines malloc wins.
function(lunabeam_use_mimalloc target)
  if(LUNABEAM_MIMALLOC)
    target_link_libraries(${target} PRIVATE -Wl,--push-state,--no-as-needed mimalloc -Wl,--pop-state)
  endif()
endfunction()

# lunabeam_put_first(<executable> <layers>...)
# Of an inline function that several objects hold, the linker takes the first: that of the layers, which are optimised, must come before
# that of tools and tests, which are not.
function(lunabeam_put_first target)
  foreach(layer IN LISTS ARGN)
    target_link_options(${target} PRIVATE "LINKER:--whole-archive,$<TARGET_FILE:${layer}>,--no-whole-archive")
  endforeach()
endfunction()

# lunabeam_add_tool(<name> [LINK <layers>...])
# Executable over the sources in tools/<name>, linked with these layers or else with all. All but main.cpp are a static library
# <name>_parts, which tests can link.
function(lunabeam_add_tool name)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  if(NOT arg_LINK)
    set(arg_LINK lunabeam_wasi lunabeam_runtime lunabeam_vm)
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cpp")
  set(main "${CMAKE_CURRENT_SOURCE_DIR}/${name}/main.cpp")
  list(REMOVE_ITEM sources "${main}")
  add_library(${name}_parts STATIC ${sources})
  target_link_libraries(${name}_parts PUBLIC ${arg_LINK} lunabeam_fmt CLI11::CLI11 nlohmann_json::nlohmann_json)
  # Command lines and reports are not hot, and their optimisation would take a fifth of a whole build.
  target_compile_options(${name}_parts PRIVATE $<IF:$<CONFIG:Release>,-O1,-O0>)
  lunabeam_precompile(${name}_parts HEADERS <CLI/CLI.hpp> <nlohmann/json.hpp>)
  add_executable(${name} "${main}")
  lunabeam_use_mimalloc(${name})
  target_link_libraries(${name} PRIVATE ${name}_parts)
  lunabeam_put_first(${name} ${arg_LINK})
  if(LUNABEAM_STATIC)
    target_link_options(${name} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
endfunction()

# lunabeam_add_unit_tests(<layer> [LINK <targets>...])
# Executable <layer>_tests over tests/unit/<layer>; every test is a ctest test. A test whose full name contains "Slow" is
# labelled slow, all others fast. GTEST_SKIP shows up as skipped.
function(lunabeam_add_unit_tests layer)
  cmake_parse_arguments(arg "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/unit/${layer}/*.cpp")
  if(NOT sources)
    return()
  endif()
  set(target "${layer}_tests")
  add_executable(${target} ${sources})
  target_link_libraries(${target} PRIVATE ${arg_LINK} lunabeam_test_support GTest::gmock_main)
  # What they test is optimised, they are not: a third of the compile time.
  target_compile_options(${target} PRIVATE -O0)
  lunabeam_precompile(${target} HEADERS <gtest/gtest.h> <gmock/gmock.h>)
  set(layers lunabeam_vm)
  if(layer STREQUAL "runtime")
    list(PREPEND layers lunabeam_runtime)
  elseif(layer STREQUAL "wasi" OR layer STREQUAL "lunabeam")
    list(PREPEND layers lunabeam_wasi lunabeam_runtime)
  endif()
  lunabeam_put_first(${target} ${layers})
  foreach(label fast slow)
    if(label STREQUAL "fast")
      set(filter "-*Slow*")
      set(timeout_s 120)
    else()
      set(filter "*Slow*")
      set(timeout_s 900)
    endif()
    gtest_discover_tests(${target} TEST_FILTER "${filter}" NO_PRETTY_VALUES NO_PRETTY_TYPES
      DISCOVERY_MODE PRE_TEST DISCOVERY_TIMEOUT 60
      TEST_PREFIX "${layer}." PROPERTIES LABELS ${label} TIMEOUT ${timeout_s})
  endforeach()
endfunction()
