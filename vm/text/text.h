// The text format, from outside: text to binary and back (spec 3.0, "Text Format"). A text module becomes a binary one, which
// Module::load decodes and validates like any other: there is one way into the VM.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vm/base/error.h"
#include "vm/text/byte_writer.h"
#include "vm/text/token.h"

namespace lunabeam::vm::text {

// A module in the binary format, and where its bytes came from.
struct BinaryModule {
  std::vector<u8> bytes;
  std::vector<PositionMark> marks;  // Sorted by `binary`; empty unless asked for.
};

struct ReadOptions {
  bool keeps_marks = false;
  bool writes_names = true;  // A custom section `name` from the identifiers.
};

// Reads a whole source: `(module ...)` or a bare list of module fields. Time and memory linear in the source.
// Errors: malformed ones with a byte offset into the source.
[[nodiscard]] Result<BinaryModule> read_module(std::string_view source, ReadOptions options = {});

// The same from tokens: the fields [first, last) of a module form whose identifier is `name` (empty: none). For scripts.
[[nodiscard]] Result<BinaryModule> read_module_fields(const TokenBuffer& buffer, u32 first, u32 last,
                                                      std::string_view name, ReadOptions options = {});

// Offset in the text of byte `offset` of the binary: the last mark at or before it; Error::kNoOffset when there is none.
[[nodiscard]] u64 text_offset(std::span<const PositionMark> marks, u64 offset) noexcept;

// Module::load's error for a binary that came from `source`: reads the source again with marks, so that loading costs nothing more
// when it succeeds, and answers the error with an offset into the source.
[[nodiscard]] Error locate(Error error, std::string_view source);

// True when the bytes begin as text does, with a form or a comment behind white space, or hold nothing but white space.
[[nodiscard]] bool is_text(std::span<const u8> bytes) noexcept;

}  // namespace lunabeam::vm::text
