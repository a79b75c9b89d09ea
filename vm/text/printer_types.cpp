#include "vm/text/printer_types.h"

#include <fmt/format.h>

#include <array>
#include <optional>

namespace lunabeam::vm::text {
namespace {

// Type codes of the binary format (fact sheet 6.2).
enum TypeCode : u8 {
  kFirstHeap = 0x69,
  kLastHeap = 0x74,
  kRefNull = 0x63,
  kRef = 0x64,
  kArray = 0x5E,
  kStruct = 0x5F,
  kFunc = 0x60,
  kRec = 0x4E,
  kSubFinal = 0x4F,
  kSub = 0x50,
  kEmptyBlock = 0x40,
};

struct HeapNames {
  std::string_view heap;
  std::string_view nullable_reference;
};

// From kFirstHeap on.
constexpr std::array<HeapNames, 12> kHeaps = {{
    {"exn", "exnref"},
    {"array", "arrayref"},
    {"struct", "structref"},
    {"i31", "i31ref"},
    {"eq", "eqref"},
    {"any", "anyref"},
    {"extern", "externref"},
    {"func", "funcref"},
    {"none", "nullref"},
    {"noextern", "nullexternref"},
    {"nofunc", "nullfuncref"},
    {"noexn", "nullexnref"},
}};

// The other types of one byte; empty for what is none.
[[nodiscard]] std::string_view simple_type(u8 code) {
  switch (code) {
    case 0x7F: return "i32";
    case 0x7E: return "i64";
    case 0x7D: return "f32";
    case 0x7C: return "f64";
    case 0x7B: return "v128";
    default: return {};
  }
}

[[nodiscard]] bool is_heap_code(int code) { return code >= kFirstHeap && code <= kLastHeap; }

// Flags of limits; those of the threads and custom-page-sizes proposals are printed too.
constexpr u8 kHasMax = 1;
constexpr u8 kShared = 2;
constexpr u8 kAddress64 = 4;
constexpr u8 kCustomPageSize = 8;

}  // namespace

void TypePrinter::index(Space space, u32 index) {
  const Identifier id = names_.find(space, index);
  if (id.empty()) {
    out_.number(index);
  } else {
    out_.identifier(id);
  }
}

void TypePrinter::definition(Space space, u32 index) {
  if (const Identifier id = names_.find(space, index); !id.empty()) {
    out_.identifier(id);
    out_.character(' ');
  } else if (const std::string_view name = names_.shared_name(space, index); !name.empty()) {
    out_.text("(@name ");
    out_.name(name);
    out_.text(") ");
  }
  out_.text("(;");
  out_.number(index);
  out_.text(";)");
}

bool TypePrinter::heap_type(Reader& reader) {
  const u32 offset = reader.pos();
  const int first = reader.peek();
  if (is_heap_code(first)) {
    out_.text(kHeaps[static_cast<size_t>(first - kFirstHeap)].heap);
    return reader.skip(1);
  }
  i64 type;
  if (!reader.read_s33(type)) return false;
  if (type < 0) return reader.fail(ErrorCode::kMalformedReferenceType, offset);
  index(Space::kType, static_cast<u32>(type));
  return true;
}

bool TypePrinter::heap_as_ref_type(Reader& reader, bool is_nullable) {
  const int first = reader.peek();
  if (is_nullable && is_heap_code(first)) {
    out_.text(kHeaps[static_cast<size_t>(first - kFirstHeap)].nullable_reference);
    return reader.skip(1);
  }
  out_.text(is_nullable ? "(ref null " : "(ref ");
  if (!heap_type(reader)) return false;
  out_.character(')');
  return true;
}

bool TypePrinter::ref_type(Reader& reader) {
  const int first = reader.peek();
  if (is_heap_code(first)) return heap_as_ref_type(reader, true);
  const u32 offset = reader.pos();
  u8 code;
  if (!reader.read_byte(code)) return false;
  if (code != kRef && code != kRefNull) return reader.fail(ErrorCode::kMalformedReferenceType, offset);
  return heap_as_ref_type(reader, code == kRefNull);
}

bool TypePrinter::val_type(Reader& reader) {
  const int first = reader.peek();
  if (is_heap_code(first) || first == kRef || first == kRefNull) return ref_type(reader);
  const u32 offset = reader.pos();
  u8 code;
  if (!reader.read_byte(code)) return false;
  const std::string_view simple = simple_type(code);
  if (simple.empty()) return reader.fail(ErrorCode::kMalformedValueType, offset);
  out_.text(simple);
  return true;
}

bool TypePrinter::block_type(Reader& reader) {
  const int first = reader.peek();
  if (first == kEmptyBlock) return reader.skip(1);
  if (first > kEmptyBlock && first < 0x80) {
    out_.text(" (result ");
    if (!val_type(reader)) return false;
  } else {
    const u32 offset = reader.pos();
    i64 type;
    if (!reader.read_s33(type)) return false;
    if (type < 0) return reader.fail(ErrorCode::kMalformedValueType, offset);
    out_.text(" (type ");
    index(Space::kType, static_cast<u32>(type));
  }
  out_.character(')');
  return true;
}

bool TypePrinter::limits(Reader& reader, u8 known_flags, u8& flags) {
  const u32 offset = reader.pos();
  u64 min;
  u64 max = 0;
  if (!reader.read_byte(flags)) return false;
  if ((flags & ~known_flags) != 0) return reader.fail(ErrorCode::kMalformedLimitsFlags, offset);
  if (!reader.read_u64(min) || ((flags & kHasMax) != 0 && !reader.read_u64(max))) return false;
  if ((flags & kAddress64) != 0) out_.text("i64 ");
  out_.number(min);
  if ((flags & kHasMax) != 0) {
    out_.character(' ');
    out_.number(max);
  }
  return true;
}

bool TypePrinter::memory_type(Reader& reader) {
  u8 flags;
  if (!limits(reader, kHasMax | kShared | kAddress64 | kCustomPageSize, flags)) return false;
  if ((flags & kShared) != 0) out_.text(" shared");
  if ((flags & kCustomPageSize) != 0) {
    const u32 offset = reader.pos();
    u32 log2;
    if (!reader.read_u32(log2)) return false;
    if (log2 > 63) {
      return reader.fail(ErrorCode::kImplementationLimit, offset, fmt::format("page size of 2^{} bytes", log2));
    }
    out_.text(" (pagesize ");
    out_.number(u64{1} << log2);
    out_.character(')');
  }
  return true;
}

bool TypePrinter::table_type(Reader& reader) {
  // The element type stands before the limits here, behind them in text.
  const size_t begin = out_.size();
  if (!ref_type(reader)) return false;
  const std::string element(out_.since(begin));
  out_.truncate(begin);
  u8 flags;
  if (!limits(reader, kHasMax | kAddress64, flags)) return false;
  out_.character(' ');
  out_.text(element);
  return true;
}

bool TypePrinter::global_type(Reader& reader) {
  const size_t begin = out_.size();
  if (!val_type(reader)) return false;
  const u32 offset = reader.pos();
  u8 mutability;
  if (!reader.read_byte(mutability)) return false;
  if (mutability > 1) return reader.fail(ErrorCode::kMalformedMutability, offset);
  if (mutability == 1) {
    out_.insert(begin, "(mut ");
    out_.character(')');
  }
  return true;
}

bool TypePrinter::field_type(Reader& reader) {
  const size_t begin = out_.size();
  const int first = reader.peek();
  if (first == 0x78 || first == 0x77) {
    out_.text(first == 0x78 ? "i8" : "i16");
    if (!reader.skip(1)) return false;
  } else if (!val_type(reader)) {
    return false;
  }
  const u32 offset = reader.pos();
  u8 mutability;
  if (!reader.read_byte(mutability)) return false;
  if (mutability > 1) return reader.fail(ErrorCode::kMalformedMutability, offset);
  if (mutability == 1) {
    out_.insert(begin, "(mut ");
    out_.character(')');
  }
  return true;
}

bool TypePrinter::signature(Reader& reader, std::span<const Identifier> params) {
  for (const std::string_view form : {"param", "result"}) {
    u32 count;
    if (!reader.read_count(count)) return false;
    const std::span<const Identifier> ids = form == "param" ? params : std::span<const Identifier>{};
    bool is_open = false;  // Neighbours without an identifier share a form.
    for (u32 i = 0; i < count; ++i) {
      const bool is_named = i < ids.size() && !ids[i].empty();
      if (is_open && is_named) out_.character(')');
      if (!is_open || is_named) {
        out_.text(" (");
        out_.text(form);
      }
      out_.character(' ');
      if (is_named) {
        out_.identifier(ids[i]);
        out_.character(' ');
      }
      if (!val_type(reader)) return false;
      if (is_named) out_.character(')');
      is_open = !is_named;
    }
    if (is_open) out_.character(')');
  }
  return true;
}

bool TypePrinter::struct_fields(Reader& reader, u32 type_index) {
  u32 count;
  if (!reader.read_count(count)) return false;
  bool is_open = false;
  for (u32 i = 0; i < count; ++i) {
    const Identifier id = names_.field(type_index, i);
    if (is_open && !id.empty()) out_.character(')');
    if (!is_open || !id.empty()) out_.text(" (field");
    out_.character(' ');
    if (!id.empty()) {
      out_.identifier(id);
      out_.character(' ');
    }
    if (!field_type(reader)) return false;
    if (!id.empty()) out_.character(')');
    is_open = id.empty();
  }
  if (is_open) out_.character(')');
  return true;
}

bool TypePrinter::composite_type(Reader& reader, u32 type_index, std::vector<TypeDefinition>& types) {
  const u32 offset = reader.pos();
  u8 form;
  if (!reader.read_byte(form)) return false;
  switch (form) {
    case kFunc:
      types.push_back({CompositeKind::kFunc, reader.pos()});
      out_.text("(func");
      if (!signature(reader, {})) return false;
      break;
    case kStruct:
      types.push_back({CompositeKind::kStruct, reader.pos()});
      out_.text("(struct");
      if (!struct_fields(reader, type_index)) return false;
      break;
    case kArray:
      types.push_back({CompositeKind::kArray, reader.pos()});
      out_.text("(array ");
      if (!field_type(reader)) return false;
      break;
    default: return reader.fail(ErrorCode::kMalformedDefinitionType, offset);
  }
  out_.character(')');
  return true;
}

bool TypePrinter::sub_type(Reader& reader, std::vector<TypeDefinition>& types) {
  const u32 type_index = static_cast<u32>(types.size());
  out_.text("(type ");
  definition(Space::kType, type_index);
  out_.character(' ');
  const int form = reader.peek();
  if (form != kSub && form != kSubFinal) {
    if (!composite_type(reader, type_index, types)) return false;
  } else {
    u32 supers;
    if (!reader.skip(1) || !reader.read_count(supers)) return false;
    // A final type without supertype is what the short form means.
    const bool is_short = form == kSubFinal && supers == 0;
    if (!is_short) out_.text(form == kSubFinal ? "(sub final " : "(sub ");
    for (u32 i = 0; i < supers; ++i) {
      u32 super;
      if (!reader.read_u32(super)) return false;
      index(Space::kType, super);
      out_.character(' ');
    }
    if (!composite_type(reader, type_index, types)) return false;
    if (!is_short) out_.character(')');
  }
  out_.character(')');
  return true;
}

bool TypePrinter::rec_group(Reader& reader, u32 depth, std::vector<TypeDefinition>& types) {
  u32 count = 1;
  if (reader.peek() == kRec && (!reader.skip(1) || !reader.read_count(count))) return false;
  out_.line(depth);
  // A group of one is what a type on its own means.
  if (count == 1) return sub_type(reader, types);
  out_.text("(rec");
  for (u32 i = 0; i < count; ++i) {
    out_.line(depth + 1);
    if (!sub_type(reader, types)) return false;
  }
  out_.character(')');
  return true;
}

}  // namespace lunabeam::vm::text
