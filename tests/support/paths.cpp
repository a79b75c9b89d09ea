// The only test source that is compiled with paths.
#include "tests/support/paths.h"

#include <cstdlib>
#include <system_error>

namespace lunabeam::tests {

std::filesystem::path source_dir() { return LUNABEAM_SOURCE_DIR; }

std::filesystem::path binary_dir() { return LUNABEAM_BINARY_DIR; }

std::filesystem::path program(const char* name) { return binary_dir() / "bin" / name; }

std::filesystem::path shared_dir() {
  if (const char* override_dir = std::getenv("LUNABEAM_SHARED_DIR"); override_dir != nullptr && *override_dir != '\0') {
    return override_dir;
  }
  return LUNABEAM_SHARED_DIR;
}

bool shared_available() {
  std::error_code ignored;
  return std::filesystem::is_directory(shared_dir(), ignored);
}

}  // namespace lunabeam::tests
