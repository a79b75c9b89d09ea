#include "vm/text/module_scope.h"

#include "vm/base/check.h"
#include "vm/text/numbers.h"

namespace lunabeam::vm::text {
namespace {

// Bytes that are equal iff the signatures are: encoded value types delimit themselves, so one count suffices.
std::string key_of(const FuncSignature& signature) {
  std::string key = std::to_string(signature.params.size());
  key.push_back(':');
  for (const std::string& type : signature.params) key += type;
  for (const std::string& type : signature.results) key += type;
  return key;
}

// Reads a number or a name that `names` knows; `what` is the kind of thing for the message.
bool read_number_or_name(Cursor& cursor, const IndexSpace* names, std::string_view what, u32& index) {
  if (cursor.at(TokenKind::kInteger)) {
    const std::optional<u64> number = parse_unsigned(cursor.text(), 0xFFFF'FFFF);
    if (!number) {
      const char sign = cursor.text().front();
      return sign == '-' || sign == '+' ? cursor.unexpected()
                                        : cursor.fail(ErrorCode::kIndexOutOfRange, cursor.offset());
    }
    index = static_cast<u32>(*number);
    cursor.next();
    return true;
  }
  if (!cursor.at(TokenKind::kId)) return cursor.unexpected();
  const std::string_view name = cursor.buffer().id(cursor.peek());
  const std::optional<u32> known = names == nullptr ? std::nullopt : names->find(name);
  if (!known) {
    return cursor.fail(ErrorCode::kUnknownIdentifier, cursor.offset(), std::string(what).append(" $").append(name));
  }
  index = *known;
  cursor.next();
  return true;
}

}  // namespace

std::string_view name_of(Space space) noexcept {
  switch (space) {
    case Space::kType: return "type";
    case Space::kFunc: return "function";
    case Space::kTable: return "table";
    case Space::kMemory: return "memory";
    case Space::kGlobal: return "global";
    case Space::kTag: return "tag";
    case Space::kElem: return "elem segment";
    case Space::kData: return "data segment";
  }
  return "";
}

bool ModuleScope::read_index(Cursor& cursor, Space kind, u32& index) const {
  return read_number_or_name(cursor, &space(kind), name_of(kind), index);
}

bool ModuleScope::at_index(const Cursor& cursor) { return cursor.at(TokenKind::kInteger) || cursor.at(TokenKind::kId); }

bool ModuleScope::read_field_index(Cursor& cursor, u32 type_index, u32& index) const {
  const auto known = fields_.find(type_index);
  return read_number_or_name(cursor, known == fields_.end() ? nullptr : &known->second, "field", index);
}

void ModuleScope::add_type(const FuncSignature* signature, bool is_reusable) {
  VM_DCHECK(implicit_types_.empty());
  const auto index = static_cast<u32>(signatures_.size());
  if (signature == nullptr) {
    signatures_.emplace_back(std::nullopt);
    return;
  }
  if (is_reusable) reusable_.try_emplace(key_of(*signature), index);
  signatures_.emplace_back(*signature);
}

const FuncSignature* ModuleScope::signature(u32 type_index) const {
  if (type_index >= signatures_.size() || !signatures_[type_index]) return nullptr;
  return &*signatures_[type_index];
}

u32 ModuleScope::find_or_add(const FuncSignature& signature) {
  const auto [entry, is_new] = reusable_.try_emplace(key_of(signature), static_cast<u32>(signatures_.size()));
  if (is_new) {
    implicit_types_.push_back(entry->second);
    signatures_.emplace_back(signature);
  }
  return entry->second;
}

}  // namespace lunabeam::vm::text
