#include "vm/script/prelude/prelude.h"

#include <string>

#include "vm/script/prelude/prelude_internal.h"
#include "vm/value/bytes.h"
#include "vm/value/number.h"

namespace vesicle {

namespace prelude {

bool ReadCount(Value v, uint64_t* count) {
  if (!IsInt(v) || SignOf(v) < 0) return false;
  *count = v.is_int() ? std::min(static_cast<uint64_t>(v.small_int()), kCountHuge) : kCountHuge;
  return true;
}

std::string_view ViewOf(const Value& v) { return IsText(v) ? TextView(v) : BytesView(v); }

namespace {

// "take(x, n): the first n ..." in its parts.
PreludeEntry EntryOf(std::string_view doc) {
  PreludeEntry entry;
  const size_t colon = doc.find(": ");
  entry.call = doc.substr(0, colon);
  entry.name = entry.call.substr(0, entry.call.find('('));
  if (colon != std::string_view::npos) entry.sentence = doc.substr(colon + 2);
  return entry;
}

// The public functions of a text, each under a line of comment that documents it.
void AddEntries(std::string_view text, std::vector<PreludeEntry>* entries) {
  std::string_view comment;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    for (const std::string_view word : {"fn ", "act ", "let "}) {
      if (line.starts_with(word) && line[word.size()] != '_') {
        entries->push_back(EntryOf(comment));
      }
    }
    comment = line.starts_with("// ") ? line.substr(3) : std::string_view();
  }
}

}  // namespace
}  // namespace prelude

void RegisterPrelude(BuiltinRegistry& registry) {
  prelude::RegisterAny(registry);
  prelude::RegisterRanges(registry);
  prelude::RegisterSearch(registry);
  prelude::RegisterLists(registry);
  prelude::RegisterOrder(registry);
  prelude::RegisterMaps(registry);
  prelude::RegisterTexts(registry);
  prelude::RegisterBytes(registry);
  prelude::RegisterNumbers(registry);
}

std::vector<PreludeEntry> PreludeEntries(const BuiltinRegistry& registry) {
  std::vector<PreludeEntry> entries;
  for (uint32_t id = 0; id < registry.size(); ++id) {
    const BuiltinEntry& entry = registry.entry(id);
    if (!entry.name.starts_with('_')) entries.push_back(prelude::EntryOf(entry.doc));
  }
  prelude::AddEntries(PreludeText(), &entries);
  return entries;
}

}  // namespace vesicle
