#include "transport/syrup/error.h"

namespace vesicle::syrup {
namespace {

struct Words {
  const char* text;
  const char* limit;
};

constexpr Words kWords[] = {
#define VESICLE_SYRUP_WORDS(name, text, limit) {text, limit},
    VESICLE_SYRUP_WRONGS(VESICLE_SYRUP_WORDS)
#undef VESICLE_SYRUP_WORDS
};

}  // namespace

std::string Error::ToString() const {
  const Words& words = kWords[static_cast<size_t>(wrong)];
  std::string out = "byte " + std::to_string(at) + ": " + words.text;
  if (words.limit[0] != '\0') {
    out += std::string(" than ") + words.limit + " (" + std::to_string(limit) + ")";
  }
  return out;
}

}  // namespace vesicle::syrup
