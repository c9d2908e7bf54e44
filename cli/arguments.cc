#include "cli/arguments.h"

#include <charconv>

#include "absl/strings/str_cat.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle::cli {
namespace {

absl::StatusOr<int64_t> NumberOf(const std::string& text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return absl::InvalidArgumentError("no number");
  }
  return number;
}

}  // namespace

absl::StatusOr<Arguments> Arguments::Parse(std::span<const OptionSpec> specs,
                                           std::span<const std::string> words, Words where) {
  Arguments result;
  size_t i = 0;
  for (; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      ++i;
      break;
    }
    if (word.size() < 2 || word[0] != '-') {
      if (where == Words::kAfterFirst) break;
      result.words_.push_back(word);
      continue;
    }
    const size_t equals = word.find('=');
    const size_t dashes = word.rfind("--", 0) == 0 ? 2 : 1;
    std::string name = word.substr(dashes, equals == std::string::npos ? equals : equals - dashes);
    if (word == "-h") name = "help";
    const OptionSpec* found = nullptr;
    Suggestion likely(name);
    for (const OptionSpec& spec : specs) {
      if (spec.name == name) found = &spec;
      likely.Offer(spec.name);
    }
    if (found == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          "there is no option ", word.substr(0, equals),
          likely.best().empty() ? "" : absl::StrCat("; did you mean --", likely.best(), "?")));
    }
    if (found->value.empty() && equals != std::string::npos) {
      return absl::InvalidArgumentError(absl::StrCat("--", name, " takes no value"));
    }
    if (!found->value.empty() && (equals == std::string::npos || equals + 1 == word.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", name, " wants a value: --", name, "=", std::string(found->value)));
    }
    result.options_.emplace_back(name, equals == std::string::npos ? "" : word.substr(equals + 1));
  }
  for (; i < words.size(); ++i) result.words_.push_back(words[i]);
  return result;
}

bool Arguments::Has(std::string_view name) const { return Value(name).has_value(); }

std::optional<std::string> Arguments::Value(std::string_view name) const {
  std::optional<std::string> value;
  for (const auto& [n, v] : options_) {
    if (n == name) value = v;
  }
  return value;
}

std::vector<std::string> Arguments::Values(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [n, v] : options_) {
    if (n == name) values.push_back(v);
  }
  return values;
}

absl::StatusOr<std::optional<int64_t>> Arguments::Number(std::string_view name, int64_t min,
                                                         int64_t max) const {
  const std::optional<std::string> value = Value(name);
  if (!value) return std::optional<int64_t>();
  const absl::StatusOr<int64_t> number = NumberOf(*value);
  if (!number.ok() || *number < min || *number > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", std::string(name), "=", *value, ": wants a number, ", min, " to ", max));
  }
  return std::optional<int64_t>(*number);
}

absl::StatusOr<std::optional<uint64_t>> Arguments::Size(std::string_view name) const {
  const std::optional<std::string> value = Value(name);
  if (!value) return std::optional<uint64_t>();
  std::string digits = *value;
  int shift = 0;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'K':
      case 'k':
        shift = 10;
        break;
      case 'M':
      case 'm':
        shift = 20;
        break;
      case 'G':
      case 'g':
        shift = 30;
        break;
      default:
        break;
    }
    if (shift != 0) digits.pop_back();
  }
  const absl::StatusOr<int64_t> number = NumberOf(digits);
  constexpr int64_t kSizeMax = int64_t{1} << 46;
  if (!number.ok() || *number < 1 || *number > kSizeMax >> shift) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", std::string(name), "=", *value, ": wants a size like 64M or 2G"));
  }
  return std::optional<uint64_t>(static_cast<uint64_t>(*number) << shift);
}

}  // namespace vesicle::cli
