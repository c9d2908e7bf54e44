// Arguments: the words of a command line, read by a table of options.
//
//   const OptionSpec specs[] = {{"seed", "N", "a random device that repeats itself"}};
//   auto arguments = Arguments::Parse(specs, words, Arguments::Words::kAfterFirst);
//   if (!arguments.ok()) return WrongUsage(...);       // names the option and the likely one
//   arguments->Value("seed");                          // "7" of --seed=7
#ifndef VESICLE_CLI_ARGUMENTS_H_
#define VESICLE_CLI_ARGUMENTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace vesicle::cli {

struct OptionSpec {
  std::string_view name;   // without the dashes
  std::string_view value;  // what stands after `=`, for the help; empty: a switch
  std::string_view help;
};

class Arguments {
 public:
  // kAfterFirst: what follows the first word that is no option belongs to somebody else, and is
  // left as it is. kAnywhere: options may stand between the words. `--` ends the options.
  enum class Words : uint8_t { kAfterFirst, kAnywhere };
  // InvalidArgument: what is wrong, in one line.
  static absl::StatusOr<Arguments> Parse(std::span<const OptionSpec> specs,
                                         std::span<const std::string> words, Words where);

  bool Has(std::string_view name) const;
  // The last one given.
  std::optional<std::string> Value(std::string_view name) const;
  // Every one given, in order.
  std::vector<std::string> Values(std::string_view name) const;
  const std::vector<std::string>& words() const { return words_; }

  // The value as a number in [min, max]. InvalidArgument: it is none.
  absl::StatusOr<std::optional<int64_t>> Number(std::string_view name, int64_t min,
                                                int64_t max) const;
  // The value as a size: 1000, 64K, 512M, 2G (powers of 1024).
  absl::StatusOr<std::optional<uint64_t>> Size(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> options_;
  std::vector<std::string> words_;
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_ARGUMENTS_H_
