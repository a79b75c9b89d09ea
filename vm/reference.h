// Reference values in 8-byte slots (rule P3). Null is 0 in every hierarchy. The low two bits say what a reference is.
#pragma once

#include "vm/base/ints.h"
#include "vm/func_code.h"

namespace lunabeam::vm {

struct Ctx;

enum RefTag : u64 {
  kRefTagPointer = 0,   // FuncCode* (func hierarchy, process with one instance); later: object of the GC heap.
  kRefTagI31 = 1,       // i31: value << 32 | tag bit.
  kRefTagHost = 2,      // Host reference: payload << 2 | tag. Externref of the embedder.
  kRefTagFuncInst = 3,  // FuncInst* | tag (func hierarchy, store with several instances).
};
inline constexpr u64 kRefTagMask = 3;

// A function of one instance. Only stores with several instances make them; owned by the instance, alive as long as the store.
struct alignas(16) FuncInst {
  const FuncCode* code;
  Ctx* ctx;
};

[[nodiscard]] constexpr RefTag tag_of(u64 ref) { return static_cast<RefTag>(ref & kRefTagMask); }
[[nodiscard]] inline u64 make_ref(const FuncCode* code) { return reinterpret_cast<u64>(code); }
[[nodiscard]] inline u64 make_ref(const FuncInst* inst) { return reinterpret_cast<u64>(inst) | kRefTagFuncInst; }
[[nodiscard]] inline const FuncInst* func_inst_of(u64 ref) {
  return reinterpret_cast<const FuncInst*>(ref & ~kRefTagMask);
}
// REQUIRES: ref is a non-null function reference.
[[nodiscard]] inline const FuncCode* func_code_of(u64 ref) {
  return tag_of(ref) == kRefTagFuncInst ? func_inst_of(ref)->code : reinterpret_cast<const FuncCode*>(ref);
}
// payload < 2^62.
[[nodiscard]] constexpr u64 make_host_ref(u64 payload) { return payload << 2 | kRefTagHost; }
[[nodiscard]] constexpr u64 host_ref_payload(u64 ref) { return ref >> 2; }

}  // namespace lunabeam::vm
