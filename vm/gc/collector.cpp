// Cheney's algorithm: the copies are the queue. Iterative; time linear in what is alive and in the roots.
#include "vm/gc/collector.h"

#include "vm/base/check.h"
#include "vm/frame.h"
#include "vm/gc/heap.h"
#include "vm/gc/layout.h"
#include "vm/instance.h"
#include "vm/reference.h"
#include "vm/type_registry.h"

namespace lunabeam::vm::gc {

namespace {

bool is_followed(ValType type) {
  return type.is_ref() && !TypeRegistry::global().matches(type.heap(), HeapType::kFunc);
}

class Collector {
 public:
  Collector(const u8* from, u64 from_bytes, u8* to)
      : from_(reinterpret_cast<u64>(from)), from_bytes_(from_bytes), scan_(to), next_(to) {}

  void visit(u64* words, u64 count) {
    words_ += count;
    for (u64 i = 0; i < count; ++i) move(words[i]);
  }
  void look_at(u64 words) { words_ += words; }

  void scan() {
    while (scan_ != next_) {
      const auto ref = reinterpret_cast<u64>(scan_);
      const u64 header = header_at(ref);
      if ((header & kHasReferences) != 0) scan_object(ref, header);
      scan_ += object_bytes(header);
    }
  }

  [[nodiscard]] u8* next() const { return next_; }
  [[nodiscard]] u64 words() const { return words_; }

 private:
  // Copies exactly what lies in from-space: everything else is no object of this heap.
  void move(u64& ref) {
    if (ref - from_ >= from_bytes_ || (ref & kRefTagMask) != kRefTagPointer) return;
    const u64 header = header_at(ref);
    if ((header & kForwarded) != 0) {
      ref = header & ~kForwarded;
      return;
    }
    const u64 bytes = object_bytes(header);
    std::memcpy(next_, reinterpret_cast<const void*>(ref), bytes);
    const auto moved = reinterpret_cast<u64>(next_);
    const u64 forward = moved | kForwarded;
    std::memcpy(reinterpret_cast<void*>(ref), &forward, sizeof forward);
    next_ += bytes;
    ref = moved;
  }
  void move_at(u64 object, u64 offset) { move(*reinterpret_cast<u64*>(object + offset)); }

  void scan_object(u64 ref, u64 header) {
    switch (kind_of(header)) {
      case Kind::kStruct:
        for (const u32 offset : TypeRegistry::global().layout(type_of(header)).references) move_at(ref, offset);
        break;
      case Kind::kArray:
        for (u64 i = 0; i < length_of(header); ++i) move_at(ref, kHeaderBytes + i * sizeof(u64));
        break;
      case Kind::kException: {
        u64 offset = kHeaderBytes + sizeof(u64);
        for (const ValType type : TypeRegistry::global().func(type_of(header)).params) {
          if (type.is_ref()) move_at(ref, offset);
          offset += type.slots() * sizeof(u64);
        }
        break;
      }
    }
  }

  const u64 from_;
  const u64 from_bytes_;
  u8* scan_;
  u8* next_;
  u64 words_ = 0;
};

// Frames from the top to the bottom (vm/frame.h).
void visit_stack(ExecContext& exec, Collector& collector) {
  u64* fp = exec.fp;
  const auto* const bottom = reinterpret_cast<const u64*>(exec.stack_hi);
  while (fp != bottom) {
    const FuncCode& code = *frame_function(fp);
    collector.visit(fp + kSlotBase + code.ref_base, code.num_slots - code.ref_base);
    collector.look_at(kFrameOverheadWords);
    u64 word = frame_return_word(fp);
    fp += code.frame_words;
    while (word == kReturnRestore) {
      word = reinterpret_cast<const RestoreFrame*>(fp)->return_word;
      fp += sizeof(RestoreFrame) / sizeof(u64);
    }
    switch (word) {
      case kReturnToInterp: break;
      case kReturnHostCont: fp += sizeof(HostContFrame) / sizeof(u64); break;
      case kReturnExit: VM_CHECK(fp == bottom); return;
      default: VM_UNREACHABLE("unknown return word");
    }
  }
}

void visit_instance(Ctx& ctx, Collector& collector) {
  const Module& module = *ctx.module;
  // Words of imported mutable globals are their owners'; here they are 0.
  collector.look_at(module.globals.size());
  for (size_t i = 0; i < module.globals.size(); ++i) {
    if (is_followed(module.globals[i].type.type)) collector.visit(ctx.globals + module.global_offsets[i], 1);
  }
  collector.look_at(module.tables.size());
  for (size_t i = module.imported_tables; i < module.tables.size(); ++i) {
    TableInst* const table = ctx.tables[i];
    if (table != nullptr && table->owned && is_followed(table->type)) collector.visit(table->elems, table->size);
  }
  if (ctx.elem_values == nullptr) return;
  collector.look_at(module.elems.size());
  for (size_t i = 0; i < module.elems.size(); ++i) {
    if (ctx.elem_values[i] != nullptr) collector.visit(ctx.elem_values[i], module.elems[i].items.size());
  }
}

}  // namespace

Collected collect_into(ExecContext& exec, const u8* from, u64 from_bytes, u8* to) noexcept {
  Collector collector(from, from_bytes, to);
  visit_stack(exec, collector);
  if (Ctx* const first = exec.ctx; first != nullptr) {
    Ctx* ctx = first;
    do {
      visit_instance(*ctx, collector);
      ctx = ctx->next;
    } while (ctx != first);
  }
  for (const RootScope* scope = exec.roots; scope != nullptr; scope = scope->below()) {
    collector.visit(scope->words(), scope->count());
  }
  collector.visit(&exec.exception, 1);
  collector.scan();
  return {.next = collector.next(), .root_words = collector.words()};
}

}  // namespace lunabeam::vm::gc
