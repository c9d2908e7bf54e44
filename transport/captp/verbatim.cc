#include "transport/captp/verbatim.h"

#include <algorithm>
#include <cstdint>

#include "transport/syrup/reader.h"
#include "vm/heap/check.h"

namespace vesicle {

void WriteVerbatim(std::string_view encoded, syrup::Writer& out) {
  using syrup::Token;
  syrup::Reader reader;
  reader.Reset(encoded);
  uint32_t items = 0;
  size_t depth = 0;
  for (Token token; (token = reader.Next()) != Token::kEnd;) {
    VESICLE_CHECK(token != Token::kError);
    const bool is_end =
        token == Token::kRecordEnd || token == Token::kListEnd || token == Token::kDictEnd;
    if (!is_end) ++items;
    depth = std::max(depth, reader.depth());
  }
  out.Encoded(encoded, items, static_cast<uint32_t>(depth));
}

}  // namespace vesicle
