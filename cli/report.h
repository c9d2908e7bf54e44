// Reports: what went wrong, as people read it.
//
//   counter.ves:7:14: fault: #divide_by_zero
//     #get => 1 / count
//             ^
//   in counter, on #get
//   caused by main
#ifndef VESICLE_CLI_REPORT_H_
#define VESICLE_CLI_REPORT_H_

#include <string>
#include <string_view>

#include "vm/actor/core.h"
#include "vm/actor/fault.h"

namespace vesicle::cli {

// Ends in a newline.
std::string FaultText(const FaultReport& report);
// The name of a behavior, which a guest may have chosen, for a terminal (Printable).
std::string NameText(std::string_view name);
// "file:line:column", or "" when it is not known.
std::string PlaceText(const Place& place);
// The line and the caret under it, each with its newline; or "".
std::string ExcerptText(const Place& place);

// Unobserved faults; "" if there are none.
std::string FaultsText(Core& core);
// Unobserved faults, tasks that wait, parked events; "" if there are none.
std::string LeftoversText(Core& core);

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_REPORT_H_
