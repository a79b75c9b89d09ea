#include "vm/interp/translate.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "vm/interp/fusion.h"
#include "vm/interp/translate_function.h"
#include "vm/interp/translate_options.h"
#include "vm/type_registry.h"
#include "vm/validate/function_validator.h"

namespace lunabeam::vm {

namespace {

using interp::BranchSet;
using interp::CatchTable;
using interp::CodeOrigin;
using interp::FunctionTranslator;
using interp::Special;
using interp::TranslateOptions;

// Shared code of functions without code of their own: each is one instruction that looks at fp[0].
constexpr Insn kLazy = {interp::op_id(Special::lazy), {}};
constexpr Insn kHostThunk = {interp::op_id(Special::host_thunk), {}};
constexpr Insn kImportThunk = {interp::op_id(Special::import_thunk), {}};

// Attempts with 16-bit branches, each of which learns which of them do not reach; then all branches are long.
constexpr u32 kMaxAttempts = 4;

struct Translated {
  Insn* words = nullptr;
  u32 size = 0;
  u32 entry_cost = 1;
  CatchTable* catches = nullptr;
};

u64 bytes_of(const CatchTable* catches) {
  if (catches == nullptr) return 0;
  return static_cast<u64>(reinterpret_cast<const u8*>(catches->entries() + catches->num_entries) -
                          reinterpret_cast<const u8*>(catches));
}

// False: out of memory.
bool run(const FuncCode& code, TranslateOptions options, std::vector<CodeOrigin>* origins, Translated& out) {
  const Module& module = *code.module;
  const FuncBody& body = module.bodies[code.func_index - module.imported_funcs];
  BranchSet long_branches;
  for (u32 attempt = 1;; ++attempt) {
    if (attempt == kMaxAttempts) options.short_branches = false;
    if (origins != nullptr) origins->clear();
    FunctionTranslator translator(module, code, options, long_branches);
    translator.record_origins(origins);
    if (!translator.open(body)) return false;
    const Result<void> valid = validate_body(module, code.func_index, translator);
    VM_CHECK(valid.has_value());  // It was validated when the module was loaded.
    if (!translator.ok()) return false;
    if (!translator.too_far().empty()) {
      if (!long_branches.insert(translator.too_far())) return false;
      continue;
    }
    const std::span<Insn> words = translator.code();
    out.words = static_cast<Insn*>(std::malloc(words.size_bytes()));
    if (out.words == nullptr) return false;
    if (!translator.make_catch_table(out.catches)) {
      std::free(out.words);
      return false;
    }
    std::memcpy(out.words, words.data(), words.size_bytes());
    out.size = static_cast<u32>(words.size());
    out.entry_cost = translator.entry_cost();
    return true;
  }
}

}  // namespace

const Insn* lazy_entry() noexcept { return &kLazy; }

u64 body_bytes(const FuncCode& code) noexcept {
  const Module& module = *code.module;
  if (code.func_index < module.imported_funcs) return 0;
  const FuncBody& body = module.bodies[code.func_index - module.imported_funcs];
  return body.end - body.begin;
}

namespace interp {

namespace {

// Null: it has none yet.
const Insn* code_of(const FuncCode& code) {
  const Insn* const entry = code.code.load(std::memory_order_acquire);
  return entry == &kLazy ? nullptr : entry;
}

void discard(const Translated& translated) {
  std::free(translated.words);
  std::free(translated.catches);
}

// Takes the code over, or drops it when another thread was faster. Null: nobody pays for it.
const Insn* publish(const FuncCode& code, const Translated& translated) {
  const std::lock_guard lock(code.module->publish_lock);
  if (const Insn* const done = code_of(code)) {
    discard(translated);
    return done;
  }
  if (!code.module->pay(translated.size * sizeof(Insn) + bytes_of(translated.catches))) {
    discard(translated);
    return nullptr;
  }
  auto& target = const_cast<FuncCode&>(code);
  target.storage = translated.words;
  target.storage_words = translated.size;
  target.catches = translated.catches;
  target.entry_cost = translated.entry_cost;
  target.code.store(translated.words, std::memory_order_release);
  return translated.words;
}

}  // namespace

const Insn* translate_with(const FuncCode& code, TranslateOptions options) noexcept {
  const Module& module = *code.module;
  if (code.func_index < module.imported_funcs) {
    const Insn* const thunk = code.host != nullptr ? &kHostThunk : &kImportThunk;
    const_cast<FuncCode&>(code).code.store(thunk, std::memory_order_release);
    return thunk;
  }
  std::unique_lock large_bodies(module.large_body_lock, std::defer_lock);
  if (body_bytes(code) > kLargeBodyBytes) large_bodies.lock();
  if (const Insn* const done = code_of(code)) return done;
  Translated translated;
  if (!run(code, options, nullptr, translated)) return nullptr;
  if (options.fusion) fuse({translated.words, translated.size});
  return publish(code, translated);
}

}  // namespace interp

const Insn* translate(const FuncCode& code) noexcept { return interp::translate_with(code, {}); }

std::vector<u64> wasm_offsets_of(const FuncCode& code, std::span<const Insn* const> ips) {
  std::vector<u64> offsets(ips.size(), Error::kNoOffset);
  // Storage is published with the code: another thread may be translating the function right now.
  if (code.code.load(std::memory_order_acquire) == &kLazy || code.storage == nullptr) return offsets;
  std::vector<CodeOrigin> origins;
  Translated translated;
  if (!run(code, {}, &origins, translated)) return offsets;
  std::free(translated.words);
  std::free(translated.catches);
  for (size_t i = 0; i < ips.size(); ++i) {
    if (ips[i] < code.storage || ips[i] >= code.storage + code.storage_words) continue;
    const auto word = static_cast<u32>(ips[i] - code.storage);
    const auto after = std::upper_bound(origins.begin(), origins.end(), word,
                                        [](u32 at, const CodeOrigin& origin) { return at < origin.word; });
    if (after != origins.begin()) offsets[i] = std::prev(after)->pc;
  }
  return offsets;
}

u64 wasm_offset_of(const FuncCode& code, const Insn* ip) { return wasm_offsets_of(code, {&ip, 1})[0]; }

}  // namespace lunabeam::vm
