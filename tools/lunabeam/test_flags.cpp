// Parsing the flags of test harnesses.
#include "tools/lunabeam/test_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace lunabeam::tools {
namespace {

using Error = std::string;  // Empty: none.

// --- Values ---

Error read_count(std::string_view text, u64 lowest, u64& count) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc{} && end == text.data() + text.size() && count >= lowest) return {};
  return fmt::format("'{}' is not a number from {} on", text, lowest);
}

template <class Enum>
struct Word {
  std::string_view text;
  Enum value;
};

template <class Enum, size_t N>
Error read_word(std::string_view text, const Word<Enum> (&words)[N], Enum& value) {
  std::string known;
  for (const Word<Enum>& word : words) {
    if (word.text == text) {
      value = word.value;
      return {};
    }
    known += known.empty() ? "" : ", ";
    known += word.text;
  }
  return fmt::format("'{}' is none of: {}", text, known);
}

constexpr Word<TestFlags::Format> kFormats[] = {
    {"pretty", TestFlags::Format::kPretty}, {"terse", TestFlags::Format::kTerse}, {"json", TestFlags::Format::kJson}};
constexpr Word<TestFlags::Color> kColors[] = {
    {"auto", TestFlags::Color::kAuto}, {"always", TestFlags::Color::kAlways}, {"never", TestFlags::Color::kNever}};

// --- The table ---

struct Flag {
  std::string_view name;
  std::string_view also;  // Another spelling, or empty.
  bool takes_value;
  Error (*apply)(TestFlags& flags, std::string_view value);
};

template <bool TestFlags::* kField>
Error set(TestFlags& flags, std::string_view /*value*/) {
  flags.*kField = true;
  return {};
}

template <std::vector<std::string> TestFlags::* kField>
Error append(TestFlags& flags, std::string_view value) {
  (flags.*kField).emplace_back(value);
  return {};
}

Error set_ignored(TestFlags& flags, TestFlags::Ignored value) {
  if (flags.ignored != TestFlags::Ignored::kSkip && flags.ignored != value) {
    return "--ignored and --include-ignored exclude one another";
  }
  flags.ignored = value;
  return {};
}

Error accept(TestFlags& /*flags*/, std::string_view /*value*/) { return {}; }

constexpr Flag kFlags[] = {
    {"--ignored", "", false, [](TestFlags& f, std::string_view) { return set_ignored(f, TestFlags::Ignored::kOnly); }},
    {"--include-ignored", "", false,
     [](TestFlags& f, std::string_view) { return set_ignored(f, TestFlags::Ignored::kInclude); }},
    {"--exclude-should-panic", "", false, set<&TestFlags::exclude_should_panic>},
    {"--exact", "", false, set<&TestFlags::exact>},
    {"--skip", "", true, append<&TestFlags::skips>},
    {"--list", "", false, set<&TestFlags::list>},
    {"--nocapture", "--no-capture", false, set<&TestFlags::no_capture>},
    {"--show-output", "", false, set<&TestFlags::show_output>},
    {"--test-threads", "", true, [](TestFlags& f, std::string_view v) { return read_count(v, 1, f.threads); }},
    {"--quiet", "-q", false,
     [](TestFlags& f, std::string_view) {
       f.format = TestFlags::Format::kTerse;
       return Error();
     }},
    {"--format", "", true, [](TestFlags& f, std::string_view v) { return read_word(v, kFormats, f.format); }},
    {"--color", "", true, [](TestFlags& f, std::string_view v) { return read_word(v, kColors, f.color); }},
    {"--shuffle", "", false, set<&TestFlags::shuffle>},
    {"--shuffle-seed", "", true,
     [](TestFlags& f, std::string_view v) {
       f.shuffle = true;
       return read_count(v, 1, f.shuffle_seed);
     }},
    {"--report-time", "", false, set<&TestFlags::report_time>},
    {"--dir", "", true, append<&TestFlags::directories>},
    {"--help", "-h", false, set<&TestFlags::help>},
    // Unstable options need no permission here; every run is one of tests, in the process of the VM.
    {"-Z", "", true, accept},
    {"--test", "", false, accept},
    {"--ensure-time", "", false, accept},
    {"--force-run-in-process", "", false, accept},
};

// Splits "--name=value".
std::pair<std::string_view, std::optional<std::string_view>> split(std::string_view argument) {
  const size_t equals = argument.starts_with("--") ? argument.find('=') : std::string_view::npos;
  if (equals == std::string_view::npos) return {argument, std::nullopt};
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

Error apply(TestFlags& flags, const std::vector<std::string>& arguments, size_t& i) {
  const auto [name, written] = split(arguments[i]);
  if (name.starts_with("-Z") && name.size() > 2) return {};
  const auto* const flag = std::ranges::find_if(
      kFlags, [name](const Flag& f) { return f.name == name || (!f.also.empty() && f.also == name); });
  if (flag == std::end(kFlags)) return fmt::format("unknown flag: {}", name);
  if (!flag->takes_value) {
    if (written) return fmt::format("{} takes no value", name);
    return flag->apply(flags, {});
  }
  if (!written && i + 1 == arguments.size()) return fmt::format("{} needs a value", name);
  const Error error = flag->apply(flags, written ? *written : std::string_view(arguments[++i]));
  return error.empty() ? error : fmt::format("{}: {}", name, error);
}

}  // namespace

bool TestFlags::selects(const TestCase& test) const {
  if (exclude_should_panic && test.expected_panic) return false;
  const auto matches = [&](const std::string& filter) {
    return exact ? test.name == filter : test.name.find(filter) != std::string::npos;
  };
  return (filters.empty() || std::ranges::any_of(filters, matches)) && std::ranges::none_of(skips, matches);
}

ParsedTestFlags parse_test_flags(const std::vector<std::string>& arguments, const char* threads_variable,
                                 const char* no_capture_variable) {
  ParsedTestFlags parsed;
  TestFlags& flags = parsed.flags;
  flags.no_capture = no_capture_variable != nullptr && std::string_view(no_capture_variable) != "0";
  if (threads_variable != nullptr) {
    if (Error error = read_count(threads_variable, 1, flags.threads); !error.empty()) {
      parsed.error = "RUST_TEST_THREADS: " + error;
      return parsed;
    }
  }
  for (size_t i = 0; i < arguments.size() && parsed.error.empty(); ++i) {
    if (arguments[i] == "--") {
      flags.guest_arguments.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    if (arguments[i].size() > 1 && arguments[i][0] == '-') {
      parsed.error = apply(flags, arguments, i);
    } else {
      flags.filters.push_back(arguments[i]);
    }
  }
  return parsed;
}

const char* test_flags_help() {
  return "Flags behind the module, those of Rust's test harness:\n"
         "  WORD...                    run tests whose names contain one of the words\n"
         "  --exact                    the words are whole names\n"
         "  --skip WORD                leave out tests whose names contain the word; may be repeated\n"
         "  --ignored                  run only the ignored tests\n"
         "  --include-ignored          run the ignored tests too\n"
         "  --exclude-should-panic     leave out tests that have to panic\n"
         "  --list                     name the tests instead of running them\n"
         "  --nocapture                let tests write to the terminal\n"
         "  --show-output              show what passed tests have written too\n"
         "  --test-threads N           tests at once (default 64; RUST_TEST_THREADS)\n"
         "  --format pretty|terse|json, -q, --quiet (as terse)\n"
         "  --color auto|always|never\n"
         "  --report-time              the time of each test\n"
         "  --shuffle, --shuffle-seed N\n"
         "  --dir HOST[::GUEST]        directory to preopen\n"
         "  -- ARGUMENT...             arguments of the guest\n";
}

}  // namespace lunabeam::tools
