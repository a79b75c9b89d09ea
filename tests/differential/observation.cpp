#include "tests/differential/observation.h"

#include <fmt/format.h>

#include <memory>
#include <utility>

#include "tests/differential/checksum.h"
#include "tests/differential/values.h"
#include "tests/support/random.h"
#include "vm/gc/heap.h"
#include "vm/store.h"
#include "vm/type_registry.h"

namespace lunabeam::differential {
namespace {

using vm::Ctx;
using vm::Error;
using vm::ErrorCode;
using vm::ErrorPhase;
using vm::Export;
using vm::ExternKind;
using vm::ExternValue;
using vm::Module;
using vm::Outcome;
using vm::Result;
using vm::Store;
using vm::TrapKind;

std::string hex_of(std::string_view name) {
  std::string text = "x";
  for (const char c : name) text += fmt::format("{:02x}", static_cast<u8>(c));
  return text;
}

std::string_view name_of(ErrorPhase phase) {
  switch (phase) {
    case ErrorPhase::kMalformed: return "malformed";
    case ErrorPhase::kInvalid: return "invalid";
    case ErrorPhase::kUnlinkable: return "unlinkable";
    case ErrorPhase::kLimit: return "limit";
    case ErrorPhase::kHost: return "host";
  }
  return {};
}

bool is_limit(TrapKind kind) {
  return kind == TrapKind::kCallStackExhausted || kind == TrapKind::kOutOfMemory || kind == TrapKind::kOutOfFuel;
}

std::string describe_trap(TrapKind kind) {
  switch (kind) {
    case TrapKind::kNullFunctionReference:
    case TrapKind::kNullStructureReference:
    case TrapKind::kNullArrayReference:
    case TrapKind::kNullI31Reference:
    case TrapKind::kNullExceptionReference: kind = TrapKind::kNullReference; break;
    default: break;
  }
  return is_limit(kind) ? "limit" : fmt::format("trapped {}", vm::text_of(kind));
}

std::string describe_outcome(const Outcome& outcome) {
  switch (outcome.kind) {
    case Outcome::Kind::kReturned: return "returned " + describe(outcome.types, outcome.values);
    case Outcome::Kind::kThrown: return "thrown " + describe(outcome.types, outcome.values);
    case Outcome::Kind::kTrapped: return describe_trap(outcome.trap.kind);
    case Outcome::Kind::kNoExport: break;
  }
  return "missing";
}

class Observer {
 public:
  explicit Observer(const ObserveOptions& options) : options_(options), random_(options.seed) {}

  Observation run(std::span<const u8> bytes) && {
    if (const Result<void> done = observe_module(bytes); !done) say(describe_rejection(done.error()));
    return std::move(out_);
  }

 private:
  void say(std::string line, u64 reductions = 0) {
    out_.lines.push_back(std::move(line));
    out_.reductions.push_back(reductions);
  }

  Result<void> observe_module(std::span<const u8> bytes) {
    vm::HostRegistry hosts;
    hosts.add(Store::spectest_functions());
    VM_ASSIGN(const std::shared_ptr<Module> module, Module::load({bytes.begin(), bytes.end()}, &hosts));
    vm::StoreOptions store_options;
    // Alone where it can be, as in a process.
    store_options.shared = !options_.provider.empty();
    store_options.stack_cap_bytes = options_.stack_cap_bytes;
    store_options.reduction_limit = options_.reduction_limit;
    store_options.memory_limit_bytes = options_.memory_limit_bytes;
    store_options.dispatch = options_.dispatch;
    if (options_.interrupted) {
      store_options.chunk_reductions = 1;
      store_options.yield_at_every_tick = true;
    }
    Store store(store_options);
    if (!options_.provider.empty()) {
      VM_ASSIGN(std::shared_ptr<Module> provider,
                Module::load({options_.provider.begin(), options_.provider.end()}, nullptr));
      VM_ASSIGN(Ctx* const instance, store.instantiate(std::move(provider)));
      store.register_instance("provider", instance);
    }
    const Result<Ctx*> instance = store.instantiate(module);
    if (!instance && instance.error().code != ErrorCode::kInitTrapped &&
        instance.error().code != ErrorCode::kStartTrapped) {
      return std::unexpected(instance.error());
    }
    say(fmt::format("exports {}", module->exports.size()));
    if (instance) {
      say("instantiated");
      if (call_exports(store, **instance)) look_at_exports(**instance);
    } else {
      say("start " + describe_failed_start(store));
    }
    out_.collections = vm::gc::heap_stats(store.exec()).collections;
    out_.stack_moves = store.stack_moves();
    return {};
  }

  // The exception is gone.
  static std::string describe_failed_start(const Store& store) {
    return store.trap().kind == TrapKind::kUncaughtException ? "thrown" : describe_trap(store.trap().kind);
  }

  // False: the rest would depend on the engine.
  bool call_exports(Store& store, Ctx& instance) {
    u32 calls = 0;
    for (const Export& item : instance.module->exports) {
      if (item.kind != ExternKind::kFunc || calls == options_.max_calls) continue;
      ++calls;
      const vm::FuncType& type = vm::TypeRegistry::global().func(instance.module->func_types[item.index]);
      std::vector<u64> slots;
      std::string text = hex_of(item.name);
      bool callable = true;
      for (const vm::ValType param : type.params) {
        const std::optional<Argument> argument = make_argument(param, random_);
        callable = callable && argument.has_value();
        if (!callable) break;
        slots.insert(slots.end(), argument->slots.begin(), argument->slots.end());
        text += ' ' + argument->text;
      }
      if (!callable) {
        say("skip " + hex_of(item.name));
        continue;
      }
      const Outcome outcome = store.invoke(instance, item.index, slots);
      const bool is_comparable = outcome.kind != Outcome::Kind::kTrapped || !is_limit(outcome.trap.kind);
      say(fmt::format("call {} -> {}", text, describe_outcome(outcome)), is_comparable ? outcome.reductions : 0);
      if (!is_comparable) return false;
    }
    return true;
  }

  void look_at_exports(const Ctx& instance) {
    for (const Export& item : instance.module->exports) {
      if (item.kind == ExternKind::kFunc || item.kind == ExternKind::kTag) continue;
      const ExternValue value = vm::export_value(instance, item);
      const std::string name = hex_of(item.name);
      switch (item.kind) {
        case ExternKind::kGlobal:
          say(fmt::format("global {} {}", name, describe(value.global_type.type, value.global)));
          break;
        case ExternKind::kMemory:
          say(fmt::format("memory {} {} {:08x}", name, value.memory->size_bytes,
                          crc32({value.memory->base, value.memory->size_bytes})));
          break;
        case ExternKind::kTable: {
          std::string line = fmt::format("table {} {}", name, value.table->size);
          for (u64 i = 0; i < std::min<u64>(value.table->size, kMaxElements); ++i) {
            line += ' ' + describe(value.table->type, &value.table->elems[i]);
          }
          say(std::move(line));
          break;
        }
        case ExternKind::kFunc:
        case ExternKind::kTag: break;
      }
    }
  }

  const ObserveOptions& options_;
  tests::Random random_;
  Observation out_;
};

std::string line_of(const Observation& observation, size_t i) {
  if (i >= observation.lines.size()) return "nothing";
  return fmt::format("{} [{}]", observation.lines[i], observation.reductions[i]);
}

}  // namespace

std::string Observation::difference(const Observation& other) const {
  size_t i = 0;
  while (line_of(*this, i) == line_of(other, i)) ++i;
  return line_of(*this, i) + " | " + line_of(other, i);
}

std::string describe_rejection(const Error& error) {
  return fmt::format("rejected {}: {}", name_of(vm::phase_of(error.code)), error.message());
}

std::vector<Way> ways() {
  std::vector<Way> all = {
      {"tail", vm::Dispatch::kTail, false},
      {"step", vm::Dispatch::kStep, false},
      {"step, interrupted", vm::Dispatch::kStep, true},
      {"tail, interrupted", vm::Dispatch::kTail, true},
  };
  std::erase_if(all, [](const Way& way) { return !vm::has_dispatch(way.dispatch); });
  return all;
}

Observation observe(std::span<const u8> module, const ObserveOptions& options) { return Observer(options).run(module); }

}  // namespace lunabeam::differential
