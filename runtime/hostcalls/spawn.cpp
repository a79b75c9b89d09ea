// lunatic::process::spawn and get_or_spawn (ABI document 4.5, 4.6): the checks in the caller. The new process is made by
// runtime/spawn.h. No lock is held while guest code runs: whoever registers a name first has it.
#include "runtime/spawn.h"

#include <array>
#include <memory>
#include <new>

#include "runtime/hostcalls/areas.h"
#include "runtime/hostcalls/bind.h"
#include "runtime/hostcalls/resources.h"
#include "runtime/name_registry.h"
#include "vm/base/check.h"
#include "vm/limits.h"

namespace lunabeam::runtime::hostcalls {
namespace {

constexpr u64 kInherit = ~u64{0};  // -1: the caller's config, the caller's module.

// The entry function's parameters: records of a type byte and 16 bytes, little-endian.
class ParamList {
 public:
  // Decodes all of it; the fault it traps with, or nothing.
  [[nodiscard]] std::optional<Fault> decode(std::span<const u8> records) {
    if (records.size() > kMaxRecords * kRecordBytes) return Fault{"there are more than 65,536 parameters"};
    if (records.size() % kRecordBytes != 0) return Fault{"the parameters are not a whole number of 17-byte records"};
    // No function has more parameters: of a longer list, one too many is kept, so that the entry function does not fit it.
    const u64 total = records.size() / kRecordBytes;
    const u64 kept = total < kMaxKept ? total : kMaxKept;
    if (kept > inline_.size()) {
      heap_.reset(new (std::nothrow) SpawnParam[kept]);
      if (heap_ == nullptr) return kOutOfMemory;
    }
    for (u64 i = 0; i < total; ++i) {
      SpawnParam param;
      if (!decode_record(records.data() + i * kRecordBytes, param)) return Fault{"unknown type of a parameter"};
      if (i < kept) data()[i] = param;
    }
    size_ = kept;
    return std::nullopt;
  }
  [[nodiscard]] std::span<const SpawnParam> params() { return {data(), size_}; }

 private:
  static constexpr u64 kRecordBytes = 17;
  static constexpr u64 kMaxRecords = 65'536;
  static constexpr u64 kMaxKept = vm::kMaxParams + 1;

  static bool decode_record(const u8* record, SpawnParam& param) {
    std::memcpy(&param.low, record + 1, sizeof param.low);
    std::memcpy(&param.high, record + 9, sizeof param.high);
    switch (record[0]) {
      case 0x7F:
        param.type = vm::ValType::kI32;
        param.low = static_cast<u32>(param.low);
        param.high = 0;
        return true;
      case 0x7E:
        param.type = vm::ValType::kI64;
        param.high = 0;
        return true;
      case 0x7B: param.type = vm::ValType::kV128; return true;
      default: return false;
    }
  }
  [[nodiscard]] SpawnParam* data() { return heap_ == nullptr ? inline_.data() : heap_.get(); }

  std::array<SpawnParam, 8> inline_{};
  std::unique_ptr<SpawnParam[]> heap_;
  u64 size_ = 0;
};

// What both functions are told about the new process.
struct Arguments {
  i64 link_tag;
  u64 config_id;
  u64 module_id;
  GuestRange function;
  GuestRange params;
};

// Checks and decodes in the order of section 4.5; the fault it traps with, or nothing.
std::optional<Fault> prepare(Process& self, const Arguments& arguments, ParamList& params, SpawnRequest& request) {
  if (!self.config->can_spawn_processes) return Fault{"the process may not spawn processes"};
  if (self.spawner != nullptr) return Fault{"a start function may not spawn processes"};
  request.config = self.config;
  if (arguments.config_id != kInherit) {
    const ConfigRef* config = self.resources == nullptr ? nullptr : self.resources->configs.find(arguments.config_id);
    if (config == nullptr) return Fault{"unknown config id"};
    request.config = *config;
  }
  request.module = self.module;
  if (arguments.module_id != kInherit) {
    const auto* module = self.resources == nullptr ? nullptr : self.resources->modules.find(arguments.module_id);
    if (module == nullptr) return Fault{"unknown module id"};
    request.module = *module;
  }
  if (const auto problem = read_text(self, arguments.function, request.function)) return problem;
  const auto records = arguments.params.bytes(self);
  if (!records) return kOutOfBounds;
  charge_work(self, records->size());
  if (const auto problem = params.decode(*records)) return problem;
  request.params = params.params();
  request.link_tag = arguments.link_tag;
  return std::nullopt;
}

// --- spawn ---

Outcome<u32> spawned(Process& self, SpawnStatus status, SpawnResult& result, Out<u64> id_out) {
  switch (status) {
    case SpawnStatus::kPark: self.wait.args[0] = id_out.address; return Parked{};
    case SpawnStatus::kFailed: return fail_with(self, std::move(result.error), id_out);
    case SpawnStatus::kSpawned:
      if (!id_out.write(self, result.pid)) return kOutOfBounds;
      return kOk;
    case SpawnStatus::kNameTaken: break;
  }
  VM_UNREACHABLE("a spawn without a name found it taken");
}

Outcome<u32> spawn(Process& self, i64 link_tag, u64 config_id, u64 module_id, GuestRange function, GuestRange params,
                   Out<u64> id_out) {
  ParamList param_list;
  SpawnRequest request;
  if (const auto problem = prepare(self, {link_tag, config_id, module_id, function, params}, param_list, request)) {
    return *problem;
  }
  if (!id_out.is_valid(self)) return kOutOfBounds;
  SpawnResult result;
  return spawned(self, runtime::spawn(self, std::move(request), result), result, id_out);
}

Outcome<u32> spawn_resume(Process& self) {
  const Out<u64> id_out{static_cast<u32>(self.wait.args[0])};
  SpawnResult result;
  return spawned(self, runtime::spawn_resume(self, result), result, id_out);
}

// --- get_or_spawn ---

struct NamedOut {
  Out<u64> node;
  Out<u64> id;

  [[nodiscard]] bool write(Process& self, NodeAndPid process) const {
    return node.is_valid(self) && id.is_valid(self) && node.write(self, process.node) && id.write(self, process.pid);
  }
};

Outcome<u32> named_spawned(Process& self, SpawnStatus status, SpawnResult& result, NamedOut out) {
  switch (status) {
    case SpawnStatus::kPark:
      self.wait.args[0] = out.node.address;
      self.wait.args[1] = out.id.address;
      return Parked{};
    case SpawnStatus::kFailed:
      if (!out.node.write(self, kOwnNode)) return kOutOfBounds;
      return fail_with(self, std::move(result.error), out.id);
    case SpawnStatus::kSpawned:
      if (!out.write(self, {.node = kOwnNode, .pid = result.pid})) return kOutOfBounds;
      return kOk;
    case SpawnStatus::kNameTaken:
      if (!out.write(self, result.existing)) return kOutOfBounds;
      return kNameTaken;
  }
  VM_UNREACHABLE("unknown spawn status");
}

Outcome<u32> get_or_spawn(Process& self, GuestText name, i64 link_tag, u64 config_id, u64 module_id,
                          GuestRange function, GuestRange params, Out<u64> node_out, Out<u64> id_out) {
  const NamedOut out{node_out, id_out};
  if (const auto existing = self.registry->get(name.text)) {
    if (!out.write(self, *existing)) return kOutOfBounds;
    return kNameTaken;
  }
  ParamList param_list;
  SpawnRequest request;
  if (const auto problem = prepare(self, {link_tag, config_id, module_id, function, params}, param_list, request)) {
    return *problem;
  }
  if (!node_out.is_valid(self) || !id_out.is_valid(self)) return kOutOfBounds;
  if (const auto problem = name_problem(self, name.text)) return *problem;
  request.name = &name.text;
  SpawnResult result;
  return named_spawned(self, runtime::spawn(self, std::move(request), result), result, out);
}

Outcome<u32> get_or_spawn_resume(Process& self) {
  const NamedOut out{{static_cast<u32>(self.wait.args[0])}, {static_cast<u32>(self.wait.args[1])}};
  SpawnResult result;
  return named_spawned(self, runtime::spawn_resume(self, result), result, out);
}

constexpr vm::HostFunction kFunctions[] = {
    bind_waiting<"process", "spawn", spawn, spawn_resume>(),
    bind_waiting<"process", "get_or_spawn", get_or_spawn, get_or_spawn_resume>(),
};

}  // namespace

std::span<const vm::HostFunction> spawn_functions() { return kFunctions; }

}  // namespace lunabeam::runtime::hostcalls
