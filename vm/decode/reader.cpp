#include "vm/decode/reader.h"

#include <bit>

#include "vm/base/check.h"
#include "vm/decode/utf8.h"

namespace lunabeam::vm {

static_assert(std::endian::native == std::endian::little, "fixed-width values are read as they lie in the module");

bool Reader::fail_leb(LebStatus status) {
  switch (status) {
    case LebStatus::kTruncated: return fail(ErrorCode::kUnexpectedEnd, pos());
    case LebStatus::kTooLong: return fail(ErrorCode::kIntegerRepresentationTooLong, pos());
    case LebStatus::kTooLarge: return fail(ErrorCode::kIntegerTooLarge, pos());
    case LebStatus::kOk: break;
  }
  VM_UNREACHABLE("a LEB that was read well");
}

bool Reader::read_name(std::string_view& name) {
  u32 size = 0;
  if (!read_size(size)) return false;
  const u32 start = pos();
  name = {reinterpret_cast<const char*>(cur_), size};
  if (!is_utf8(name)) return fail(ErrorCode::kMalformedUtf8, start);
  cur_ += size;
  return true;
}

}  // namespace lunabeam::vm
