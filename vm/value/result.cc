#include "vm/value/result.h"

namespace vesicle {

const char* FailureText(Failure failure) {
  switch (failure) {
    case Failure::kMemory:
      return "memory";
    case Failure::kType:
      return "type";
    case Failure::kDivideByZero:
      return "divide by zero";
    case Failure::kTooBig:
      return "too big";
    case Failure::kRange:
      return "out of range";
    case Failure::kSyntax:
      return "syntax";
    case Failure::kNotFinite:
      return "not finite";
  }
  return "failure";
}

}  // namespace vesicle
