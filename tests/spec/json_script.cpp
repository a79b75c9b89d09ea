// The commands of wast2json's format.
#include "tests/spec/json_script.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "vm/reference.h"

namespace lunabeam::tests {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace vm;  // NOLINT: a test's source file.

std::vector<u8> read_bytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Runner {
 public:
  Runner(fs::path folder, const std::set<std::string>& missing, Dispatch dispatch)
      : folder_(std::move(folder)), missing_(missing), store_(StoreOptions{.dispatch = dispatch}) {
    hosts_.add(Store::spectest_functions());
    if (const Result<void> added = store_.add_spectest(); !added) fail("spectest: " + added.error().message());
  }

  void run(const json& command) {
    line_ = command.at("line").get<u64>();
    type_ = command.at("type").get<std::string>();
    if (type_ == "module") {
      define(command);
    } else if (type_ == "register") {
      if (Ctx* instance = instance_of(command, "name")) store_.register_instance(command.at("as"), instance);
    } else if (type_ == "action") {
      if (const auto outcome = perform(command.at("action"))) expect(outcome->returned(), describe(*outcome));
    } else if (type_ == "assert_return") {
      if (const auto outcome = perform(command.at("action"))) expect_values(*outcome, command.at("expected"));
    } else if (type_ == "assert_trap") {
      if (const auto outcome = perform(command.at("action"))) {
        expect(outcome->kind == Outcome::Kind::kTrapped &&
                   same_text(text_of(outcome->trap.kind), command.at("text").get<std::string>()),
               describe(*outcome));
      }
    } else if (type_ == "assert_exhaustion") {
      if (const auto outcome = perform(command.at("action"))) expect(outcome->exhausted(), describe(*outcome));
    } else if (type_ == "assert_invalid" || type_ == "assert_malformed") {
      expect_rejected(command, type_ == "assert_invalid" ? ErrorPhase::kInvalid : ErrorPhase::kMalformed);
    } else if (type_ == "assert_unlinkable") {
      expect_not_instantiated(command, ErrorPhase::kUnlinkable);
    } else if (type_ == "assert_uninstantiable") {
      expect_not_instantiated(command, ErrorPhase::kHost);
    } else {
      fail("unknown command");
    }
  }

  ScriptResult result;

 private:
  // --- Verdicts ---

  void fail(const std::string& what) { result.failures.push_back(fmt::format("{}: {}: {}", line_, type_, what)); }
  void expect(bool condition, const std::string& what) {
    if (condition) {
      ++result.passed;
    } else {
      fail(what);
    }
  }
  void not_applicable(const std::string& reason) { ++result.not_applicable[reason]; }

  // One is a prefix of the other: ours may name an operand, the suite's may too.
  static bool same_text(std::string_view ours, const std::string& theirs) {
    return ours.starts_with(theirs) || theirs.starts_with(ours);
  }

  static std::string describe(const Outcome& outcome) {
    switch (outcome.kind) {
      case Outcome::Kind::kReturned: return fmt::format("returned {:#x}", fmt::join(outcome.values, " "));
      case Outcome::Kind::kTrapped: return fmt::format("trapped: {}", text_of(outcome.trap.kind));
      case Outcome::Kind::kNoExport: break;
    }
    return "no such export";
  }

  // --- Modules ---

  Result<std::shared_ptr<Module>> load(const json& command) {
    return Module::load(read_bytes(folder_ / command.at("filename").get<std::string>()), &hosts_);
  }

  // Why a module that was not accepted says nothing about the engine; empty when it does.
  std::string excuse(const Error& error) {
    const std::string message = error.message();
    if (error.code == ErrorCode::kUnsupportedFeature) return message.substr(0, message.find(" at offset"));
    if (error.code == ErrorCode::kUnknownImport) {
      for (const std::string& name : missing_) {
        if (error.detail.starts_with("`" + name + "::")) return "imports from a module that was left out";
      }
    }
    return {};
  }

  void define(const json& command) {
    current_ = nullptr;
    missing_reason_ = "a module before was not instantiated";
    const Result<std::shared_ptr<Module>> module = load(command);
    const Result<Ctx*> instance = module ? store_.instantiate(*module) : std::unexpected(module.error());
    if (instance) {
      ++result.passed;
      current_ = *instance;
    } else if (const std::string reason = excuse(instance.error()); !reason.empty()) {
      missing_reason_ = reason;
      not_applicable(reason);
    } else {
      fail(instance.error().message());
    }
    if (command.contains("name")) named_[command.at("name")] = current_;
  }

  // The instance that `command[key]` names, else the latest one. nullptr: it could not be made; noted as not applicable.
  Ctx* instance_of(const json& command, const char* key) {
    Ctx* instance = current_;
    if (command.contains(key)) {
      const auto found = named_.find(command.at(key));
      instance = found != named_.end() ? found->second : nullptr;
    }
    if (instance == nullptr) not_applicable(missing_reason_);
    return instance;
  }

  void expect_rejected(const json& command, ErrorPhase phase) {
    if (command.at("module_type") == "text") {
      ++result.text_only;
      return;
    }
    const Result<std::shared_ptr<Module>> module = load(command);
    if (module) return fail("accepted; expected: " + command.at("text").get<std::string>());
    const Error& error = module.error();
    if (const std::string reason = excuse(error); !reason.empty()) return not_applicable(reason);
    if (phase == ErrorPhase::kInvalid && error.code == ErrorCode::kDataCountRequired) {
      return not_applicable("wast2json writes no data count section without data segments");
    }
    expect(phase_of(error.code) == phase, "rejected as something else: " + error.message());
    if (!same_text(error.message(), command.at("text").get<std::string>())) {
      result.texts.push_back(
          fmt::format("{}: {} | expected: {}", line_, error.message(), command.at("text").get<std::string>()));
    }
  }

  void expect_not_instantiated(const json& command, ErrorPhase phase) {
    const Result<std::shared_ptr<Module>> module = load(command);
    const Result<Ctx*> instance = module ? store_.instantiate(*module) : std::unexpected(module.error());
    if (instance) return fail("instantiated; expected: " + command.at("text").get<std::string>());
    const Error& error = instance.error();
    if (const std::string reason = excuse(error); !reason.empty()) return not_applicable(reason);
    const std::string text = command.at("text").get<std::string>();
    const bool text_matches =
        phase == ErrorPhase::kHost ? same_text(text_of(store_.trap().kind), text) : same_text(error.message(), text);
    expect(phase_of(error.code) == phase && text_matches, error.message() + " | expected: " + text);
  }

  // --- Actions ---

  static u64 slot_of(const json& value) {
    const std::string type = value.at("type");
    const std::string text = value.at("value");
    if (text == "null") return 0;
    const u64 number = std::stoull(text);
    return type == "externref" ? make_host_ref(number) : number;
  }

  static bool matches(u64 slot, const json& expected) {
    const std::string type = expected.at("type");
    if (type == "funcref" || type == "externref") {
      if (!expected.contains("value")) return slot != 0;
      return slot == slot_of(expected);
    }
    const std::string text = expected.at("value");
    const bool wide = type == "f64";
    const u64 sign = wide ? u64{1} << 63 : u64{1} << 31;
    const u64 quiet_nan = wide ? 0x7FF8'0000'0000'0000 : 0x7FC0'0000;
    if (text == "nan:canonical") return (slot & ~sign) == quiet_nan;
    if (text == "nan:arithmetic") return (slot & quiet_nan) == quiet_nan && (wide || slot >> 32 == 0);
    return slot == std::stoull(text);
  }

  void expect_values(const Outcome& outcome, const json& expected) {
    bool good = outcome.returned() && outcome.values.size() == expected.size();
    for (size_t i = 0; good && i < expected.size(); ++i) good = matches(outcome.values[i], expected[i]);
    expect(good, good ? "" : fmt::format("{}, expected {}", describe(outcome), expected.dump()));
  }

  std::optional<Outcome> perform(const json& action) {
    Ctx* instance = instance_of(action, "module");
    if (instance == nullptr) return std::nullopt;
    const std::string field = action.at("field");
    if (action.at("type") == "get") return store_.get_global(*instance, field);
    std::vector<u64> args;
    for (const json& arg : action.at("args")) args.push_back(slot_of(arg));
    return store_.invoke(*instance, field, args);
  }

  fs::path folder_;
  const std::set<std::string>& missing_;
  HostRegistry hosts_;
  Store store_;
  Ctx* current_ = nullptr;
  std::map<std::string, Ctx*> named_;
  std::string missing_reason_;
  u64 line_ = 0;
  std::string type_ = "setup";
};

}  // namespace

ScriptResult run_json_script(const fs::path& path, const std::set<std::string>& missing, Dispatch dispatch) {
  std::ifstream in(path, std::ios::binary);
  const json script = json::parse(in);
  Runner runner(path.parent_path(), missing, dispatch);
  for (const json& command : script.at("commands")) runner.run(command);
  return std::move(runner.result);
}

}  // namespace lunabeam::tests
