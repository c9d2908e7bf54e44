#include "vm/value/difference.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "vm/value/compare.h"
#include "vm/value/escape.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/print.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"
#include "vm/value/utf8.h"
#include "vm/value/value_kind.h"

namespace vesicle {
namespace {

constexpr uint64_t kUnitsMax = 1'000'000;
constexpr int kDepthMax = 100;

// One way down: into which part, and the two values there.
struct Step {
  std::string path;
  Value a;
  Value b;
};

class Finder {
 public:
  // The first part in which they differ; none when they differ as wholes.
  std::optional<Step> Into(Value a, Value b) {
    if (IsList(a) && IsList(b)) {
      const uint64_t size = std::min(ListSize(a), ListSize(b));
      for (uint64_t i = 0; i < size && units_ > 0; ++i) {
        const Value x = ListAt(a, i), y = ListAt(b, i);
        if (!Same(x, y)) return Step{"[" + std::to_string(i) + "]", x, y};
      }
      return std::nullopt;
    }
    if (IsTagged(a) && IsTagged(b) && TagOf(a) == TagOf(b) &&
        FieldsOf(a).size() == FieldsOf(b).size()) {
      for (size_t i = 0; i < FieldsOf(a).size(); ++i) {
        const Value x = FieldsOf(a)[i], y = FieldsOf(b)[i];
        if (!Same(x, y))
          return Step{" field " + std::to_string(i + 1) + " of " + Shown(TagOf(a)), x, y};
      }
      return std::nullopt;
    }
    if (!IsMap(a) || !IsMap(b) || MapDataSize(a) != MapDataSize(b)) return std::nullopt;
    for (uint64_t i = 0; i < MapDataSize(a) && units_ > 0; ++i) {
      const MapEntry x = MapAt(a, i), y = MapAt(b, i);
      if (!Same(x.key, y.key)) return std::nullopt;
      if (!Same(x.value, y.value)) return Step{KeyText(x.key), x.value, y.value};
    }
    return std::nullopt;
  }

  // What is at the end of the way.
  static std::string EndText(Value a, Value b) {
    if (IsText(a) && IsText(b)) return TextsText(TextView(a), TextView(b));
    if (IsList(a) && IsList(b) && ListSize(a) != ListSize(b)) {
      return std::to_string(ListSize(a)) + " and " + std::to_string(ListSize(b)) + " elements";
    }
    if (IsMap(a) && IsMap(b)) return KeysText(a, b);
    return Shown(a) + " and " + Shown(b);
  }

  // Also when there is no more time to tell.
  bool Same(Value a, Value b) {
    Comparer comparer;
    comparer.Start(a, b, CompareMode::kSame);
    const Outcome outcome = comparer.Run(std::max<uint64_t>(units_, 1));
    units_ -= std::min(units_, comparer.work());
    return outcome == Outcome::kSame || outcome == Outcome::kMore;
  }

 private:
  static std::string Shown(Value v) { return Print(v, kReportOptions); }

  static std::string KeyText(Value key) {
    if (IsText(key) && IsBareName(TextView(key))) return "." + std::string(TextView(key));
    return "[" + Shown(key) + "]";
  }

  // A key that only one side has.
  static std::string KeysText(Value a, Value b) {
    const uint64_t sizes[] = {MapDataSize(a), MapDataSize(b)};
    for (uint64_t i = 0; i < std::max(sizes[0], sizes[1]); ++i) {
      if (i >= sizes[0]) return "only the right side has the key " + Shown(MapAt(b, i).key);
      if (i >= sizes[1]) return "only the left side has the key " + Shown(MapAt(a, i).key);
      const Value x = MapAt(a, i).key, y = MapAt(b, i).key;
      const Outcome order = CompareNow(x, y, CompareMode::kValueOrder);
      if (order == Outcome::kLess) return "only the left side has the key " + Shown(x);
      if (order == Outcome::kGreater) return "only the right side has the key " + Shown(y);
    }
    return Shown(a) + " and " + Shown(b);
  }

  // Around the first character that is not the same.
  static std::string TextsText(std::string_view a, std::string_view b) {
    constexpr size_t kBefore = 20, kShown = 60;
    size_t at = static_cast<size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<ptrdiff_t>(std::min(a.size(), b.size())),
                      b.begin())
            .first -
        a.begin());
    const auto is_inside = [](std::string_view text, size_t i) {
      return i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80;
    };
    while (at > 0 && is_inside(a, at)) --at;
    size_t from = at > kBefore ? at - kBefore : 0;
    while (from > 0 && is_inside(a, from)) --from;
    const auto part = [&](std::string_view text) {
      size_t end = std::min(text.size(), from + kShown);
      while (end < text.size() && is_inside(text, end)) ++end;
      std::string shown;
      AppendQuoted(text.substr(from, end - from), &shown);
      return (from > 0 ? "..." : "") + shown + (end < text.size() ? "..." : "");
    };
    const auto chars = std::count_if(a.begin(), a.begin() + static_cast<ptrdiff_t>(at), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    });
    return "at character " + std::to_string(chars + 1) + ", " + part(a) + " and " + part(b);
  }

  uint64_t units_ = kUnitsMax;
};

}  // namespace

std::string DifferenceText(Value a, Value b) {
  Finder finder;
  std::string path;
  if (finder.Same(a, b)) return "";
  for (int depth = 0; depth < kDepthMax; ++depth) {
    const std::optional<Step> step = finder.Into(a, b);
    if (!step.has_value()) break;
    path += step->path;
    a = step->a;
    b = step->b;
  }
  const bool has_parts = IsText(a) || IsList(a) || IsMap(a);
  if (path.empty() && !(has_parts && ValueKindOf(a) == ValueKindOf(b))) return "";
  return (path.empty() ? "" : "at " + path + ": ") + Finder::EndText(a, b);
}

}  // namespace vesicle
