# Target lunabeam_fmt: fmt as the layers link it. Debian has the shared library only; LUNABEAM_STATIC compiles the same functions from
# its headers.
if(LUNABEAM_STATIC)
  configure_file("${CMAKE_CURRENT_LIST_DIR}/fmt.cpp.in" "${CMAKE_BINARY_DIR}/fmt.cpp" COPYONLY)
  add_library(lunabeam_fmt STATIC "${CMAKE_BINARY_DIR}/fmt.cpp")
  # FMT_SHARED, which only decides on visibility, stays defined: objects are the same with either library.
  target_compile_definitions(lunabeam_fmt PUBLIC $<TARGET_PROPERTY:fmt::fmt,INTERFACE_COMPILE_DEFINITIONS>)
  target_include_directories(lunabeam_fmt SYSTEM PUBLIC $<TARGET_PROPERTY:fmt::fmt,INTERFACE_INCLUDE_DIRECTORIES>)
else()
  add_library(lunabeam_fmt INTERFACE)
  target_link_libraries(lunabeam_fmt INTERFACE fmt::fmt)
endif()
