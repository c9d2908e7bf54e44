// How a call of a typed actor fails, as an absl::Status: one meaning for each code.
//
//   code                what happened                                          reason in a script
//   InvalidArgument     the reply is not of the type that was asked for        (none: ours)
//   Unimplemented       the actor takes no such message; the method is not     #no_clause #type
//                       among its Methods, and the ref leads out of this VM
//   Cancelled           the actor was stopped                                  #stopped
//   ResourceExhausted   its inbox is full                                      #full
//   OutOfRange          a budget is used up, or a limit of the VM met          #quota #limit
//   DeadlineExceeded    the deadline                                           #timeout
//   PermissionDenied    a membrane                                             #denied #revoked
//   Unavailable         the VM, or the line to it, is gone                     #disconnected
//   Aborted             the method failed: it threw, its turn faulted, or a    #failed(e)
//   #exception
//                       script said `fail e`                                   and all others
//
// These say which actor and method, and carry the reason, printed, as a payload: IsFromVm() is
// true. A status that a method itself returned comes as that method made it, whatever its code; to
// a script it is #failed(#status(#not_found, "no such key")).
#ifndef VESICLE_VM_NATIVE_TYPED_STATUS_H_
#define VESICLE_VM_NATIVE_TYPED_STATUS_H_

#include <string_view>

#include "absl/status/status.h"
#include "vm/native/build.h"

#pragma GCC visibility push(default)
namespace vesicle {

// Of a break. `what`: "get of Counter".
absl::Status StatusOfReason(std::string_view what, Value reason);
// The same without a reason in a script.
absl::Status VmStatus(absl::StatusCode code, std::string_view what, std::string_view text);
// One of the table, not a method's own.
bool IsFromVm(const absl::Status& status);

// #status(code, text), to fail with. Wants !status.ok().
Value ValueOfStatus(Build& build, const absl::Status& status);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TYPED_STATUS_H_
