// samples/conformance.ves, as a constant.
#ifndef VESICLE_CLI_CONFORMANCE_TEXT_H_
#define VESICLE_CLI_CONFORMANCE_TEXT_H_

#include <string_view>

namespace vesicle {

std::string_view ConformanceText();

}  // namespace vesicle

#endif  // VESICLE_CLI_CONFORMANCE_TEXT_H_
