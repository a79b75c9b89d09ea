// lunabeam init: the Cargo configuration of the crate in the working directory.
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tools/lunabeam/cargo_config.h"
#include "tools/lunabeam/commands.h"
#include "tools/lunabeam/files.h"

namespace lunabeam::tools {
namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage =
    "usage: lunabeam init\n\n"
    "Writes .cargo/config.toml for the crate in the working directory: target wasm32-wasip1, runner `lunabeam run`.\n"
    "What the file says already stays; a setting that says otherwise is an error.\n";

// Beside the file first, then over it: a full disk leaves the old one.
bool replace_file(const fs::path& path, const std::string& text) {
  const fs::path beside = path.string() + ".new";
  std::ofstream out(beside, std::ios::binary);
  out << text;
  out.close();
  std::error_code error;
  if (out) fs::rename(beside, path, error);
  if (out && !error) return true;
  print_error(path.string(), std::strerror(errno));
  fs::remove(beside, error);
  return false;
}

}  // namespace

int command_init(const Arguments& arguments) {
  if (!arguments.empty()) {
    const bool asks_help = arguments[0] == "--help" || arguments[0] == "-h";
    std::fputs(kUsage, asks_help ? stdout : stderr);
    return asks_help ? kExitOk : kExitUsage;
  }
  std::error_code error;
  if (!fs::is_regular_file("Cargo.toml", error)) {
    print_error("Cargo.toml", "not found: `lunabeam init` is for the folder of a crate");
    return kExitError;
  }
  // Cargo reads the name without an ending too, and prefers it.
  const fs::path old_path = fs::path(".cargo") / "config";
  const fs::path path = fs::exists(old_path, error) ? old_path : fs::path(".cargo") / "config.toml";
  std::string existing;
  if (fs::exists(path, error)) {
    std::ostringstream text;
    std::ifstream in(path, std::ios::binary);
    if (!in || !(in.peek() == std::ifstream::traits_type::eof() || text << in.rdbuf())) {
      print_error(path.string(), "cannot be read");
      return kExitError;
    }
    existing = text.str();
  }
  const CargoConfig config = with_our_settings(existing);
  if (!config.error.empty()) {
    print_error(path.string(), config.error);
    return kExitError;
  }
  if (config.text == existing && !existing.empty()) {
    std::puts("Cargo project is initialized already");
    return kExitOk;
  }
  fs::create_directories(path.parent_path(), error);
  if (!replace_file(path, config.text)) return kExitError;
  std::puts("Cargo project initialized!");
  return kExitOk;
}

}  // namespace lunabeam::tools
