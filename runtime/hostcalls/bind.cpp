#include "runtime/hostcalls/bind.h"

#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace lunabeam::runtime::hostcalls::detail {
namespace {

// vm::Trap keeps a pointer only, so that texts are made once and stay: at most one per (function, cause).
const char* trap_text(const char* label, const char* what) {
  static std::mutex lock;
  static auto& texts = *new std::map<std::pair<const char*, const char*>, std::string>;
  const std::lock_guard guard(lock);
  std::string& text = texts[{label, what}];
  if (text.empty()) text = std::string(label) + ": " + what;
  return text.c_str();
}

}  // namespace

vm::HostStatus raise(Process& self, const char* label, Fault fault) noexcept {
  self.exec.trap = vm::Trap{.kind = fault.kind, .message = trap_text(label, fault.what)};
  return vm::HostStatus::kTrap;
}

}  // namespace lunabeam::runtime::hostcalls::detail
