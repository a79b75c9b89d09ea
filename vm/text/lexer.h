// Source text to tokens.
#pragma once

#include "vm/base/error.h"
#include "vm/text/token.h"

namespace lunabeam::vm::text {

// Cuts `source` into tokens. White space, comments and annotations are taken out of the main sequence; annotations are kept beside it.
// Checks everything lexical: UTF-8, characters, comments, strings and their escapes, identifiers, adjacent tokens, parentheses.
// Time and memory linear in source.size(); nothing recursive. The buffer refers to `source`, which must outlive it.
// Errors: malformed ones with a byte offset into the source; kImplementationLimit above 4 GiB - 2.
[[nodiscard]] Result<TokenBuffer> lex(std::string_view source);

// The bytes that a string token stands for: quotes off, escapes replaced; appended to `out`. REQUIRES: a kString token's characters,
// which lex() has checked.
void append_string(std::string_view quoted, std::string& out);

}  // namespace lunabeam::vm::text
