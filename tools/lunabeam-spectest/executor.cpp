#include "tools/lunabeam-spectest/executor.h"

#include <fmt/format.h>

#include <memory>
#include <unordered_map>
#include <utility>

#include "tools/lunabeam-spectest/values.h"
#include "vm/store.h"
#include "vm/text/text.h"
#include "vm/type_registry.h"

namespace lunabeam::spectest {
namespace {

using vm::Ctx;
using vm::Error;
using vm::ErrorCode;
using vm::ErrorPhase;
using vm::Module;
using vm::Outcome;
using vm::Result;
using vm::Store;

// A script that asks for more is stopped by the limit, not by the machine.
constexpr u64 kMemoryLimitBytes = u64{1} << 30;

std::string_view name_of(ErrorPhase phase) {
  switch (phase) {
    case ErrorPhase::kMalformed: return "malformed";
    case ErrorPhase::kInvalid: return "invalid";
    case ErrorPhase::kUnlinkable: return "unlinkable";
    case ErrorPhase::kLimit: return "beyond a limit";
    case ErrorPhase::kHost: return "not instantiated";
  }
  return {};
}

// Reference interpreters name the element in these two.
std::string describe_trap(const vm::Trap& trap) {
  std::string text(vm::text_of(trap.kind));
  if (trap.kind == vm::TrapKind::kUninitializedElement || trap.kind == vm::TrapKind::kUndefinedElement) {
    text += fmt::format(" {}", trap.operand);
  }
  return text;
}

std::string describe_outcome(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kReturned: return "returned " + describe(outcome.types, outcome.values);
    case Outcome::Kind::kTrapped: return "trapped: " + describe_trap(outcome.trap);
    case Outcome::Kind::kThrown:
      return fmt::format("threw tag {}: {}", outcome.tag->index, describe(outcome.types, outcome.values));
    case Outcome::Kind::kNoExport: break;
  }
  return "no such export";
}

// The feature that a rejection names as missing; empty: it names none. Features of 3.0 have an error of their own, whose detail is
// `<feature> (<what uses it>)`; the encodings of others are malformed, and the detail says whose they are.
std::string missing_feature(const Error& error) {
  constexpr std::string_view kNeeds = "needs the feature ";
  if (error.code == ErrorCode::kUnsupportedFeature) return error.detail.substr(0, error.detail.find(" ("));
  const size_t at = error.detail.find(kNeeds);
  return at == std::string::npos ? std::string() : error.detail.substr(at + kNeeds.size());
}

// Two messages tell the same when one is a prefix of the other: either may name an operand that the other leaves out.
bool same_text(std::string_view ours, std::string_view expected) {
  return ours.starts_with(expected) || expected.starts_with(ours);
}

// Something that a command made, or why there is none.
template <class T>
struct Made {
  T value{};
  std::string missing_reason = "there is none";

  [[nodiscard]] bool exists() const { return value != nullptr; }
};
using Definition = Made<std::shared_ptr<Module>>;
using Instance = Made<Ctx*>;

class Executor {
 public:
  Executor(const ExecuteOptions& options, ExecutionObserver& observer)
      : options_(options),
        observer_(observer),
        store_(vm::StoreOptions{.memory_limit_bytes = kMemoryLimitBytes, .dispatch = options.dispatch}) {}

  Result<void> prepare() { return store_.add_spectest(options_.features); }

  void run(const Command& command) {
    command_ = &command;
    observer_.begins(command);
    if (options_.only_validate) return validate(command);
    switch (command.kind) {
      case CommandKind::kModule:
      case CommandKind::kModuleQuote:
      case CommandKind::kModuleBinary: return define_and_instantiate(*command.module);
      case CommandKind::kModuleDefinition: return define(*command.module);
      case CommandKind::kModuleInstance: return instantiate_definition(command);
      case CommandKind::kRegister: return register_instance(command);
      case CommandKind::kInvoke:
      case CommandKind::kGet: return act(command);
      case CommandKind::kAssertReturn: return expect_return(command);
      case CommandKind::kAssertTrap:
      case CommandKind::kAssertExhaustion: return expect_trap(command);
      case CommandKind::kAssertTrapModule: return expect_module_trap(command);
      case CommandKind::kAssertException: return expect_exception(command);
      case CommandKind::kAssertInvalid:
      case CommandKind::kAssertInvalidCustom: return expect_rejected(command, ErrorPhase::kInvalid);
      case CommandKind::kAssertMalformed:
      case CommandKind::kAssertMalformedCustom: return expect_rejected(command, ErrorPhase::kMalformed);
      case CommandKind::kAssertUnlinkable: return expect_unlinkable(command);
      case CommandKind::kUnsupported:
        return failed(fmt::format("`{}` is not executed", command.text), "to run", "the runner has no such command");
    }
  }

 private:
  // --- Verdicts ---

  void passed() { observer_.passed(*command_); }
  void failed(std::string reason, std::string expected, std::string actual) {
    observer_.failed({command_->line, command_->kind, std::move(reason), std::move(expected), std::move(actual)});
  }
  void failed(std::string expected, const std::string& actual) { failed(actual, std::move(expected), actual); }
  void failed(std::string expected, const Error& error) {
    failed(reason_of(error), std::move(expected),
           fmt::format("{}: {}", name_of(phase_of(error.code)), error.message()));
  }
  // The command needs something that an earlier one did not make.
  void blocked(const std::string& reason) {
    failed(reason, "to run", fmt::format("what it needs was not made ({})", reason));
  }
  void text_differs(std::string actual) {
    observer_.text_differs({command_->line, command_->kind, command_->text, std::move(actual)});
  }

  // Why an error says the same wherever it happened.
  static std::string reason_of(const Error& error) {
    if (const std::string feature = missing_feature(error); !feature.empty()) return "needs " + feature;
    Error placeless = error;
    placeless.offset = Error::kNoOffset;
    return placeless.message();
  }

  // --- Definitions ---

  Result<std::shared_ptr<Module>> load(const ModuleSource& source) const {
    if (source.annotation_error) return std::unexpected(*source.annotation_error);
    std::vector<u8> bytes;
    if (source.form == ModuleSource::Form::kQuote) {
      const std::string_view text(reinterpret_cast<const char*>(source.bytes.data()), source.bytes.size());
      VM_ASSIGN(vm::text::BinaryModule binary, vm::text::read_module(text));
      bytes = std::move(binary.bytes);
    } else {
      bytes = source.bytes;
    }
    // Nothing is bound to host functions: `spectest` is linked like any other instance.
    return Module::load(std::move(bytes), nullptr, options_.features);
  }

  Definition& note_definition(const std::string& name, Definition definition) {
    current_definition_ = std::move(definition);
    if (!name.empty()) definitions_.insert_or_assign(name, current_definition_);
    return current_definition_;
  }
  void note_instance(const std::string& name, Instance instance) {
    current_instance_ = std::move(instance);
    if (!name.empty()) instances_.insert_or_assign(name, current_instance_);
  }

  // Makes the current definition; on failure reports it and answers false.
  bool make_definition(const ModuleSource& source) {
    Result<std::shared_ptr<Module>> module = load(source);
    if (!module) {
      note_definition(source.name, {nullptr, reason_of(module.error())});
      failed("a valid module", module.error());
      return false;
    }
    note_definition(source.name, {*std::move(module), {}});
    return true;
  }

  void define(const ModuleSource& source) {
    if (make_definition(source)) passed();
  }

  // The one of that name, or the current one. Nothing but a reason: there is none.
  template <class T>
  static Made<T> look_up(const std::unordered_map<std::string, Made<T>>& named, const Made<T>& current,
                         const std::string& name) {
    if (name.empty()) return current;
    const auto found = named.find(name);
    return found != named.end() ? found->second : Made<T>{};
  }

  // --- Instances ---

  // Why linking failed only because an earlier command did; empty when it did not.
  std::string missing_provider(const Module& module, const Error& error) const {
    if (error.code != ErrorCode::kUnknownImport) return {};
    for (const vm::Import& import : module.imports) {
      const auto missing = missing_registrations_.find(import.module);
      if (missing != missing_registrations_.end()) return missing->second;
    }
    return {};
  }

  // Makes the current instance and reports the command's verdict.
  void make_instance(const std::string& name, const std::shared_ptr<Module>& module) {
    const Result<Ctx*> instance = store_.instantiate(module);
    if (instance) {
      note_instance(name, {*instance, {}});
      return passed();
    }
    const Error& error = instance.error();
    if (const std::string reason = missing_provider(*module, error); !reason.empty()) {
      note_instance(name, {nullptr, reason});
      return blocked(reason);
    }
    note_instance(name, {nullptr, reason_of(error)});
    failed("an instance", error);
  }

  void define_and_instantiate(const ModuleSource& source) {
    if (!make_definition(source)) {
      note_instance(source.name, {nullptr, current_definition_.missing_reason});
      return;
    }
    make_instance(source.name, current_definition_.value);
  }

  void instantiate_definition(const Command& command) {
    const Definition definition = look_up(definitions_, current_definition_, command.definition);
    if (!definition.exists()) {
      note_instance(command.instance, {nullptr, definition.missing_reason});
      return blocked(current_instance_.missing_reason);
    }
    make_instance(command.instance, definition.value);
  }

  void register_instance(const Command& command) {
    const Instance instance = look_up(instances_, current_instance_, command.instance);
    store_.register_instance(command.text, instance.value);
    if (!instance.exists()) {
      missing_registrations_.insert_or_assign(command.text, instance.missing_reason);
      return blocked(instance.missing_reason);
    }
    missing_registrations_.erase(command.text);
    passed();
  }

  // --- Actions ---

  // nullopt: the verdict has been given.
  std::optional<Outcome> perform(const Action& action) {
    const Instance instance = look_up(instances_, current_instance_, action.instance);
    if (!instance.exists()) {
      blocked(instance.missing_reason);
      return std::nullopt;
    }
    Ctx& ctx = *instance.value;
    if (action.kind == Action::Kind::kGet) return store_.get_global(ctx, action.field);
    const vm::Export* item = ctx.module->find_export(action.field, vm::ExternKind::kFunc);
    if (item == nullptr) return Outcome{};
    const vm::FuncType& type = vm::TypeRegistry::global().func(ctx.module->func_type_id(item->index));
    bool fits = type.params.size() == action.arguments.size();
    std::vector<u64> arguments;
    for (size_t i = 0; fits && i < type.params.size(); ++i) {
      fits = append_argument(action.arguments[i], type.params[i], arguments);
    }
    if (!fits) {
      failed("arguments that fit " + vm::to_string(type), "got " + describe(action.arguments));
      return std::nullopt;
    }
    return store_.invoke(ctx, item->index, arguments);
  }

  void act(const Command& command) {
    const std::optional<Outcome> outcome = perform(command.action);
    if (!outcome) return;
    outcome->returned() ? passed() : failed("to return", describe_outcome(*outcome));
  }

  void expect_return(const Command& command) {
    const std::optional<Outcome> outcome = perform(command.action);
    if (!outcome) return;
    if (outcome->returned() && matches(command.results, outcome->types, outcome->values)) return passed();
    failed("returned " + describe(command.results), describe_outcome(*outcome));
  }

  // assert_trap and assert_exhaustion: the two classes exclude each other.
  void expect_trap(const Command& command) {
    const std::optional<Outcome> outcome = perform(command.action);
    if (!outcome) return;
    const bool wants_exhaustion = command.kind == CommandKind::kAssertExhaustion;
    if (outcome->kind == Outcome::Kind::kTrapped && outcome->exhausted() == wants_exhaustion &&
        same_text(describe_trap(outcome->trap), command.text)) {
      return passed();
    }
    failed("trapped: " + command.text, describe_outcome(*outcome));
  }

  void expect_exception(const Command& command) {
    const std::optional<Outcome> outcome = perform(command.action);
    if (!outcome) return;
    outcome->kind == Outcome::Kind::kThrown ? passed() : failed("an exception", describe_outcome(*outcome));
  }

  // --- Rejections ---

  void expect_rejected(const Command& command, ErrorPhase phase) {
    const std::string expected = fmt::format("{}: {}", name_of(phase), command.text);
    const Result<std::shared_ptr<Module>> module = load(*command.module);
    if (module) return failed(expected, "a valid module");
    const Error& error = module.error();
    const bool is_unsupported = error.code == ErrorCode::kUnsupportedFeature;
    if (is_unsupported || phase_of(error.code) != phase) return failed(expected, error);
    if (!same_text(error.message(), command.text)) text_differs(error.message());
    passed();
  }

  // A module of an assertion that must be valid: loads and instantiates it. Answers the error when all went as far as linking;
  // otherwise the verdict has been given.
  std::optional<Error> error_of_instantiation(const Command& command, const std::string& expected) {
    std::shared_ptr<Module> module;
    if (command.instantiates) {
      const Definition definition = look_up(definitions_, current_definition_, command.definition);
      if (!definition.exists()) {
        blocked(definition.missing_reason);
        return std::nullopt;
      }
      module = definition.value;
    } else {
      Result<std::shared_ptr<Module>> loaded = load(*command.module);
      if (!loaded) {
        failed(expected, loaded.error());
        return std::nullopt;
      }
      module = *std::move(loaded);
    }
    const Result<Ctx*> instance = store_.instantiate(module);
    if (instance) {
      failed(expected, "an instance");
      return std::nullopt;
    }
    if (const std::string reason = missing_provider(*module, instance.error()); !reason.empty()) {
      blocked(reason);
      return std::nullopt;
    }
    return instance.error();
  }

  void expect_unlinkable(const Command& command) {
    const std::string expected = "unlinkable: " + command.text;
    const std::optional<Error> error = error_of_instantiation(command, expected);
    if (!error) return;
    if (phase_of(error->code) != ErrorPhase::kUnlinkable) return failed(expected, *error);
    if (!same_text(error->message(), command.text)) text_differs(error->message());
    passed();
  }

  void expect_module_trap(const Command& command) {
    const std::string expected = "trapped: " + command.text;
    const std::optional<Error> error = error_of_instantiation(command, expected);
    if (!error) return;
    const vm::Trap& trap = store_.trap();
    const bool has_trapped =
        phase_of(error->code) == ErrorPhase::kHost && trap.kind != vm::TrapKind::kCallStackExhausted;
    if (has_trapped && same_text(describe_trap(trap), command.text)) return passed();
    failed(expected, *error);
  }

  // --- Validation only ---

  void validate(const Command& command) {
    if (command.kind == CommandKind::kUnsupported) return failed("a command", fmt::format("`{}`", command.text));
    if (command.module == nullptr) return passed();
    const Result<std::shared_ptr<Module>> module = load(*command.module);
    const bool may_be_valid =
        command.kind != CommandKind::kAssertInvalid && command.kind != CommandKind::kAssertMalformed &&
        command.kind != CommandKind::kAssertInvalidCustom && command.kind != CommandKind::kAssertMalformedCustom;
    if (may_be_valid) {
      if (module || !missing_feature(module.error()).empty()) return passed();
      return failed("a valid module, or one that needs a missing feature", module.error());
    }
    if (module) return failed("a rejection: " + command.text, "a valid module");
    passed();
  }

  const ExecuteOptions options_;
  ExecutionObserver& observer_;
  Store store_;
  Definition current_definition_;
  Instance current_instance_;
  std::unordered_map<std::string, Definition> definitions_;
  std::unordered_map<std::string, Instance> instances_;
  std::unordered_map<std::string, std::string> missing_registrations_;  // Registered name -> why there is nothing.
  const Command* command_ = nullptr;
};

}  // namespace

Result<void> execute(const Script& script, const ExecuteOptions& options, ExecutionObserver& observer) {
  Executor executor(options, observer);
  VM_TRY(executor.prepare());
  for (const Command& command : script.commands) executor.run(command);
  return {};
}

}  // namespace lunabeam::spectest
