// Where a test finds its files. The build sets the paths; nothing else in the tests may name a folder absolutely.
#pragma once

#include <filesystem>

namespace lunabeam::tests {

// Root of the repository.
std::filesystem::path source_dir();

// Root of the build tree; programs are in its `bin` folder.
std::filesystem::path binary_dir();

// The built program `name` (`lunabeam`, ...). It is not checked for existence.
std::filesystem::path program(const char* name);

// Material beside the checkout (prebuilt guests, specification scripts). It may be missing: a test that needs it calls
// GTEST_SKIP when `shared_available()` is false. The environment variable LUNABEAM_SHARED_DIR overrides the build's
// path.
std::filesystem::path shared_dir();
bool shared_available();

}  // namespace lunabeam::tests
