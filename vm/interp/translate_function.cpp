#include "vm/interp/translate_function.h"

#include "vm/frame.h"
#include "vm/interp/translate_values.h"
#include "vm/reductions.h"

namespace lunabeam::vm::interp {

namespace {

// Frames of more words are wide: operands in them may be out of reach of a u16. Leaves room for what is computed from frame sizes.
constexpr u32 kMaxNearFrameWords = 65'000;

}  // namespace

FunctionTranslator::FunctionTranslator(const Module& module, const FuncCode& code, TranslateOptions options,
                                       const BranchSet& long_branches)
    : module_(module),
      func_(code),
      options_(options),
      long_branches_(long_branches),
      wide_(code.frame_words > kMaxNearFrameWords),
      store_at_once_(wide_ || !options.peepholes) {}

bool FunctionTranslator::open(const FuncBody& body) {
  // No local takes less than one of these slots.
  const u32 num_locals = func_.num_params + func_.zero_words + (func_.num_slots - func_.ref_base);
  // The usual body makes about 0.22 words a byte.
  const u32 expected_words = (body.end - body.begin) / 4 + 16;
  max_num_slots_ = body.max_num_slots;
  max_ref_slots_ = body.max_ref_slots;
  return code_.open(expected_words) && stack_.open(body.max_num_slots + body.max_ref_slots, num_locals) &&
         control_.open() && fixups_.open() && local_words_.open(num_locals);
}

void FunctionTranslator::begin_function(std::span<const ValType> locals, u32 num_params,
                                        std::span<const ValType> results) {
  // Rule P4: references are the last slots; both classes in the order of the locals, then the temporaries. The scratch slots of a wide
  // frame come before the declared locals, which alone may go beyond the reach of an operand.
  u32 next = kSlotBase;
  u32 next_ref = kSlotBase + func_.ref_base;
  const auto place = [&](ValType type) {
    u32& at = type.is_ref() ? next_ref : next;
    local_words_.push(at);
    at += type.slots();
  };
  for (const ValType type : locals.first(num_params)) place(type);
  if (wide_) {
    scratch_ = next;
    scratch_count_ = kWideScratchSlots;
    next += kWideScratchSlots;
  }
  for (const ValType type : locals.subspan(num_params)) place(type);
  const u32 temporaries = kSlotBase + func_.ref_base - next;
  VM_CHECK(temporaries >= max_num_slots_);
  VM_CHECK(kSlotBase + func_.num_slots - next_ref >= max_ref_slots_);
  VM_CHECK(scratch_ + scratch_count_ <= 0x1'0000);
  stack_.start(next, next_ref);
  results_ = TypeList(results);
  Control body;
  body.home[0] = stack_.next(false);
  body.home[1] = stack_.next(true);
  body.results = results_;
  control_.push(body);
}

void FunctionTranslator::end_function(u64) { entry_cost_ = vm::entry_cost(ops_, func_.num_slots); }

}  // namespace lunabeam::vm::interp
