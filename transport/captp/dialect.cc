#include "transport/captp/dialect.h"

#include "absl/strings/str_cat.h"
#include "vm/value/escape.h"

namespace vesicle {
namespace {

struct Preset {
  std::string_view name;
  Dialect dialect;
};

constexpr Preset kPresets[] = {
    {"spec", {}},
    {"suite-main",
     {Dialect::Tell::kDeliverOnly, Dialect::Gc::kLists, Dialect::Listen::kThreeFields,
      Dialect::Queries::kUnknown, Dialect::Framing::kBare}},
    {"suite-branch",
     {Dialect::Tell::kDeliver, Dialect::Gc::kLists, Dialect::Listen::kThreeFields,
      Dialect::Queries::kUnknown, Dialect::Framing::kBare}},
    {"endo",
     {Dialect::Tell::kDeliver, Dialect::Gc::kPlural, Dialect::Listen::kThreeFields,
      Dialect::Queries::kKnown, Dialect::Framing::kBare}},
    {"goblins",
     {Dialect::Tell::kDeliverOnly, Dialect::Gc::kScalars, Dialect::Listen::kThreeFields,
      Dialect::Queries::kUnknown, Dialect::Framing::kBare}},
};

// One form of one switch.
struct Form {
  std::string_view name;
  std::string_view form;
  void (*set)(Dialect*);
  bool (*is)(const Dialect&);
};

#define VESICLE_FORM(name, form, member, value)            \
  {                                                        \
    name, form, [](Dialect* d) { d->member = value; },     \
        [](const Dialect& d) { return d.member == value; } \
  }
constexpr Form kForms[] = {
    VESICLE_FORM("tell", "deliver", tell, Dialect::Tell::kDeliver),
    VESICLE_FORM("tell", "deliver-only", tell, Dialect::Tell::kDeliverOnly),
    VESICLE_FORM("gc", "plural", gc, Dialect::Gc::kPlural),
    VESICLE_FORM("gc", "lists", gc, Dialect::Gc::kLists),
    VESICLE_FORM("gc", "scalars", gc, Dialect::Gc::kScalars),
    VESICLE_FORM("listen", "2", listen, Dialect::Listen::kTwoFields),
    VESICLE_FORM("listen", "3", listen, Dialect::Listen::kThreeFields),
    VESICLE_FORM("queries", "yes", queries, Dialect::Queries::kKnown),
    VESICLE_FORM("queries", "no", queries, Dialect::Queries::kUnknown),
    VESICLE_FORM("framing", "bare", framing, Dialect::Framing::kBare),
    VESICLE_FORM("framing", "netstring", framing, Dialect::Framing::kNetstring),
};
#undef VESICLE_FORM

std::string Known(std::string_view what) {
  std::string known;
  const auto add = [&known](std::string_view word) {
    if (!known.empty()) known += ", ";
    known += word;
  };
  if (what == "preset") {
    for (const Preset& preset : kPresets) add(preset.name);
  } else {
    for (const Form& form : kForms) add(std::string(form.name) + "=" + std::string(form.form));
  }
  return known;
}

absl::Status Unknown(std::string_view what, std::string_view word) {
  std::string escaped;
  AppendEscapedBytes(word.substr(0, 40), &escaped);
  return absl::InvalidArgumentError(absl::StrCat("dialect: ", std::string(what), " \"", escaped,
                                                 "\" is not known; there are: ", Known(what)));
}

}  // namespace

absl::StatusOr<Dialect> ParseDialect(std::string_view text) {
  const auto take = [&text] {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    return word;
  };
  const bool has_switches = text.find(',') != std::string_view::npos;
  const std::string_view name = take();
  const Preset* preset = nullptr;
  for (const Preset& each : kPresets) {
    if (each.name == name) preset = &each;
  }
  if (preset == nullptr) return Unknown("preset", name);
  Dialect dialect = preset->dialect;
  if (!has_switches) return dialect;
  do {
    const std::string_view word = take();
    bool is_known = false;
    for (const Form& form : kForms) {
      if (word.starts_with(form.name) && word.substr(form.name.size()).starts_with('=') &&
          word.substr(form.name.size() + 1) == form.form) {
        form.set(&dialect);
        is_known = true;
      }
    }
    if (!is_known) return Unknown("switch", word);
  } while (!text.empty());
  return dialect;
}

std::string PrintDialect(const Dialect& dialect) {
  std::string text = "spec";
  for (const Form& form : kForms) {
    if (!form.is(dialect)) continue;
    text += ",";
    text += form.name;
    text += "=";
    text += form.form;
  }
  return text;
}

}  // namespace vesicle
