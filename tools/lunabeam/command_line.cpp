#include "tools/lunabeam/command_line.h"

#include <charconv>
#include <limits>

namespace lunabeam::tools {

SplitArguments split_arguments(const std::vector<std::string>& arguments,
                               const std::function<bool(std::string_view)>& takes_value) {
  SplitArguments split;
  size_t i = 0;
  for (; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    split.own.push_back(argument);
    const bool is_option = argument.size() > 1 && argument[0] == '-';
    if (!is_option) {  // The module file.
      ++i;
      break;
    }
    if (argument.find('=') == std::string::npos && takes_value(argument) && i + 1 < arguments.size()) {
      split.own.push_back(arguments[++i]);
    }
  }
  if (i < arguments.size() && arguments[i] == "--") ++i;
  split.guest.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
  return split;
}

bool implies_run(std::string_view first_argument) {
  return first_argument.starts_with("--bench") || first_argument.starts_with("--dir") ||
         (first_argument.size() > 5 && first_argument.ends_with(".wasm")) ||
         (first_argument.size() > 4 && first_argument.ends_with(".wat"));
}

bool parse_size(std::string_view text, unsigned long long& bytes) {
  unsigned long long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (unit.ends_with("iB")) {
    unit.remove_suffix(2);
  } else if (unit.ends_with("B") && unit.size() > 1) {
    unit.remove_suffix(1);
  }
  unsigned shift = 0;
  if (unit.size() == 1) {
    switch (unit[0]) {
      case 'k':
      case 'K': shift = 10; break;
      case 'm':
      case 'M': shift = 20; break;
      case 'g':
      case 'G': shift = 30; break;
      default: return false;
    }
  } else if (!unit.empty()) {
    return false;
  }
  if (value > std::numeric_limits<unsigned long long>::max() >> shift) return false;
  bytes = value << shift;
  return true;
}

}  // namespace lunabeam::tools
