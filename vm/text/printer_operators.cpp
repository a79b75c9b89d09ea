#include "vm/text/printer_operators.h"

#include <fmt/format.h>

#include "vm/text/numbers.h"

namespace lunabeam::vm::text {

OperatorPrinter::OperatorPrinter(TextOutput& out, const NameTable& names, std::span<const u8> bytes, u32 type_count,
                                 size_t max_size)
    : out_(out), names_(names), types_(out, names), again_(bytes, 0, bytes.size()), max_size_(max_size) {
  identity_.reserve(type_count);
  for (u32 i = 0; i < type_count; ++i) identity_.push_back(TypeId{i});
}

bool OperatorPrinter::enter_or_leave(Reader& reader, const Operator& op, u32& depth) {
  const Block inner = blocks_.empty() ? Block::kPlain : blocks_.back();
  const bool may_catch = inner == Block::kTry || inner == Block::kCatch;
  bool is_in_place = true;
  switch (op.op) {
    case Opcode::block:
    case Opcode::loop:
    case Opcode::try_table: blocks_.push_back(Block::kPlain); return true;
    case Opcode::if_: blocks_.push_back(Block::kIf); return true;
    case Opcode::try_: blocks_.push_back(Block::kTry); return true;
    case Opcode::else_: is_in_place = inner == Block::kIf; break;
    case Opcode::catch_:
    case Opcode::catch_all: is_in_place = may_catch; break;
    case Opcode::delegate: is_in_place = inner == Block::kTry; break;
    case Opcode::end: break;
    default: return true;
  }
  if (!is_in_place) return reader.fail(ErrorCode::kEndOpcodeExpected, op.pc);
  --depth;
  if (op.op == Opcode::end || op.op == Opcode::delegate) {
    blocks_.pop_back();
  } else {
    blocks_.back() = op.op == Opcode::catch_ ? Block::kCatch : Block::kPlain;
  }
  return true;
}

bool OperatorPrinter::body(Reader& reader, bool has_data_count, u32 depth, std::span<const Identifier> locals,
                           u32 begin, std::span<const BranchHint> hints) {
  DeferredError ignored;
  TypeReader types(reader, identity_, FeatureSet::all(), ignored);
  OperatorReader operators(reader, types, has_data_count);
  operators_ = &operators;
  locals_ = locals;
  blocks_.clear();
  for (Operator op;;) {
    if (!operators.next(op)) return false;
    if (op.op == Opcode::end && blocks_.empty()) {
      hints_fit_ &= hints.empty();
      return true;
    }
    u32 own_depth = depth + static_cast<u32>(blocks_.size());
    if (!enter_or_leave(reader, op, own_depth)) return false;
    out_.line(own_depth);
    if (!hints.empty() && op.pc - begin >= hints.front().offset) [[unlikely]] {
      const BranchHint& hint = hints.front();
      hints_fit_ &= op.pc - begin == hint.offset && (op.op == Opcode::if_ || op.op == Opcode::br_if);
      out_.text(hint.value == 0 ? "(@metadata.code.branch_hint \"\\00\") " : "(@metadata.code.branch_hint \"\\01\") ");
      hints = hints.subspan(1);
    }
    out_.text(info(op.op).text);
    if (!immediates(op)) return reader.fail(ErrorCode::kMalformedValueType, op.pc);
    if (out_.size() > max_size_) {
      return reader.fail(ErrorCode::kImplementationLimit, op.pc, fmt::format("text of more than {} bytes", max_size_));
    }
  }
}

bool OperatorPrinter::const_expr(Reader& reader, std::string_view keyword, bool may_abbreviate) {
  DeferredError ignored;
  TypeReader types(reader, identity_, FeatureSet::all(), ignored);
  OperatorReader operators(reader, types, /*has_data_count=*/true);
  operators_ = &operators;
  locals_ = {};
  blocks_.clear();
  const size_t begin = out_.size();
  u64 count = 0;
  for (Operator op;; ++count) {
    if (!operators.next(op)) return false;
    if (op.op == Opcode::end && blocks_.empty()) break;
    u32 depth = static_cast<u32>(blocks_.size());
    if (!enter_or_leave(reader, op, depth)) return false;
    out_.character(' ');
    out_.text(info(op.op).text);
    if (!immediates(op)) return reader.fail(ErrorCode::kMalformedValueType, op.pc);
    if (out_.size() > max_size_) {
      return reader.fail(ErrorCode::kImplementationLimit, op.pc, fmt::format("text of more than {} bytes", max_size_));
    }
  }
  const bool is_short = count == 1 && (keyword.empty() || may_abbreviate);
  if (is_short) {
    out_.insert(begin + 1, "(");
    out_.character(')');
  } else if (!keyword.empty()) {
    out_.insert(begin, fmt::format(" ({}", keyword));
    out_.character(')');
  }
  return true;
}

void OperatorPrinter::seek_immediates(const Operator& op) {
  again_.seek(op.pc);
  static_cast<void>(again_.skip(1));
  u32 code;
  if (info(op.op).prefix != 0) static_cast<void>(again_.read_u32(code));
}

void OperatorPrinter::local(u32 index) {
  out_.character(' ');
  if (index < locals_.size() && !locals_[index].empty()) {
    out_.identifier(locals_[index]);
  } else {
    out_.number(index);
  }
}

void OperatorPrinter::mem_arg(const Operator& op) {
  default_index(Space::kMemory, op.memory);
  if (op.value != 0) {
    out_.text(" offset=");
    out_.number(op.value);
  }
  if (op.align_log2 != static_cast<u32>(info(op.op).width_log2)) {
    out_.text(" align=");
    out_.number(u64{1} << op.align_log2);
  }
}

void OperatorPrinter::labels(std::span<const u32> labels) {
  for (const u32 label : labels) number(label);
}

void OperatorPrinter::catches(std::span<const CatchClause> clauses) {
  static constexpr std::string_view kForms[] = {" (catch", " (catch_ref", " (catch_all", " (catch_all_ref"};
  for (const CatchClause& clause : clauses) {
    out_.text(kForms[clause.kind]);
    if (clause.kind < 2) index(Space::kTag, clause.tag);
    number(clause.label);
    out_.character(')');
  }
}

void OperatorPrinter::v128(u64 low, u64 high) {
  out_.text(" i32x4");
  for (const u64 half : {low, high}) {
    out_.character(' ');
    out_.hexadecimal(static_cast<u32>(half));
    out_.character(' ');
    out_.hexadecimal(static_cast<u32>(half >> 32));
  }
}

bool OperatorPrinter::select_types() {
  u32 count;
  if (!again_.read_count(count)) return false;
  out_.text(" (result");
  for (u32 i = 0; i < count; ++i) {
    out_.character(' ');
    if (!types_.val_type(again_)) return false;
  }
  out_.character(')');
  return true;
}

bool OperatorPrinter::br_on_cast() {
  u8 flags;
  u32 label;
  if (!again_.read_byte(flags) || !again_.read_u32(label)) return false;
  number(label);
  out_.character(' ');
  if (!types_.heap_as_ref_type(again_, (flags & 1) != 0)) return false;
  out_.character(' ');
  return types_.heap_as_ref_type(again_, (flags & 2) != 0);
}

bool OperatorPrinter::immediates(const Operator& op) {
  char buffer[32];
  switch (info(op.op).immediate) {
    case Immediate::kNone:
    case Immediate::kZeroByte: return true;
    case Immediate::kBlock: seek_immediates(op); return types_.block_type(again_);
    case Immediate::kTryTable:
      seek_immediates(op);
      if (!types_.block_type(again_)) return false;
      catches(operators_->catches());
      return true;
    case Immediate::kTag: index(Space::kTag, op.index); return true;
    case Immediate::kLabel: number(op.index); return true;
    case Immediate::kBrTable: labels(operators_->labels()); return true;
    case Immediate::kFunc: index(Space::kFunc, op.index); return true;
    case Immediate::kCallIndirect:
      default_index(Space::kTable, op.index2);
      out_.text(" (type");
      index(Space::kType, op.index);
      out_.character(')');
      return true;
    case Immediate::kType: index(Space::kType, op.index); return true;
    case Immediate::kSelectTypes: seek_immediates(op); return select_types();
    case Immediate::kLocal: local(op.index); return true;
    case Immediate::kGlobal: index(Space::kGlobal, op.index); return true;
    case Immediate::kTable: default_index(Space::kTable, op.index); return true;
    case Immediate::kMemArg: mem_arg(op); return true;
    case Immediate::kMemory: default_index(Space::kMemory, op.index); return true;
    case Immediate::kS32:
      out_.character(' ');
      out_.signed_number(static_cast<i32>(static_cast<u32>(op.value)));
      return true;
    case Immediate::kS64:
      out_.character(' ');
      out_.signed_number(static_cast<i64>(op.value));
      return true;
    case Immediate::kF32:
      out_.character(' ');
      out_.text(print_f32(static_cast<u32>(op.value), buffer));
      return true;
    case Immediate::kF64:
      out_.character(' ');
      out_.text(print_f64(op.value, buffer));
      return true;
    case Immediate::kHeapType:
      seek_immediates(op);
      out_.character(' ');
      if (op.op == Opcode::ref_null) return types_.heap_type(again_);
      return types_.heap_as_ref_type(again_, op.op == Opcode::ref_test_null || op.op == Opcode::ref_cast_null);
    case Immediate::kTypeField:
      index(Space::kType, op.index);
      out_.character(' ');
      if (const Identifier id = names_.field(op.index, op.index2); !id.empty()) {
        out_.identifier(id);
      } else {
        out_.number(op.index2);
      }
      return true;
    case Immediate::kTypeU32:
      index(Space::kType, op.index);
      number(op.index2);
      return true;
    case Immediate::kTypeData:
      names_data_ = true;
      index(Space::kType, op.index);
      index(Space::kData, op.index2);
      return true;
    case Immediate::kTypeElem:
      index(Space::kType, op.index);
      index(Space::kElem, op.index2);
      return true;
    case Immediate::kTypeType:
      index(Space::kType, op.index);
      index(Space::kType, op.index2);
      return true;
    case Immediate::kBrOnCast: seek_immediates(op); return br_on_cast();
    case Immediate::kDataMemory:
      names_data_ = true;
      default_index(Space::kMemory, op.index2);
      index(Space::kData, op.index);
      return true;
    case Immediate::kData:
      names_data_ = true;
      index(Space::kData, op.index);
      return true;
    case Immediate::kMemoryMemory:
    case Immediate::kTableTable:
      if (op.index != 0 || op.index2 != 0) {
        const Space space = info(op.op).immediate == Immediate::kTableTable ? Space::kTable : Space::kMemory;
        index(space, op.index);
        index(space, op.index2);
      }
      return true;
    case Immediate::kElemTable:
      default_index(Space::kTable, op.index2);
      index(Space::kElem, op.index);
      return true;
    case Immediate::kElem: index(Space::kElem, op.index); return true;
    case Immediate::kV128: v128(op.value, op.high); return true;
    case Immediate::kShuffle:
      for (const u8 lane : op.lanes) number(lane);
      return true;
    case Immediate::kLane: number(op.lanes[0]); return true;
    case Immediate::kMemArgLane:
      mem_arg(op);
      number(op.lanes[0]);
      return true;
  }
  return true;
}

}  // namespace lunabeam::vm::text
