// Cores: the other VMs of a program that was given several (--vms=N). VM 0 runs its main; the
// others have nothing but what is created there through host.vms.
#ifndef VESICLE_CLI_CORES_H_
#define VESICLE_CLI_CORES_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "transport/host/host.h"
#include "vm/loop/vm_loop.h"

namespace vesicle::cli {

class Cores {
 public:
  // `vms` in all, `first` among them. Unavailable: the system gives no thread, or no loop.
  static absl::StatusOr<std::unique_ptr<Cores>> Create(VmLoop& first, int vms,
                                                       const VmOptions& options);

  // host.vms.
  const std::vector<Root>& places() const { return places_; }
  // Runs all of them until nothing is left to do in any, or Stop().
  void Run();
  // From callbacks of the first one's loop.
  void Stop() { host_->Stop(); }
  // What went wrong in the others, as people read it, and what they did; wants that Run() is over.
  // `was_stopped`: what was left undone is no fault.
  std::string LeftText(bool was_stopped) const { return was_stopped ? faults_ : leftovers_; }
  const std::string& stats() const { return stats_; }

 private:
  Cores() = default;
  void OnEnd(HostVm& vm);

  std::mutex mutex_;
  std::string faults_;
  std::string leftovers_;
  std::string stats_;
  std::unique_ptr<Host> host_;
  std::vector<Root> places_;
};

}  // namespace vesicle::cli

#endif  // VESICLE_CLI_CORES_H_
