// Standing: what stands in this VM for an actor in a child process, over all the runs of that
// process; and the code of its actor, the stand-in (process.h).
//
// The stand-in is an actor with code of its own, which holds the Standing: so that goes with it
// when neither is needed any more. While a child runs the Standing holds the actor, too, to tell
// it of the end.
//
// Threads: the VM's.
#ifndef VESICLE_TRANSPORT_HOST_STAND_IN_H_
#define VESICLE_TRANSPORT_HOST_STAND_IN_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "transport/host/process.h"
#include "transport/host/process_run.h"
#include "transport/loop_environment.h"

namespace vesicle {

struct Standing;

struct ProcessHost::Rep : std::enable_shared_from_this<ProcessHost::Rep> {
  Rep(VmLoop& loop_in, ProcessHostOptions options_in);
  absl::Status Start(const std::shared_ptr<Standing>& standing);

  VmLoop& loop;
  ProcessHostOptions options;
  LoopEnvironment environment;
  Root brand;
  std::vector<std::shared_ptr<Standing>> running;
};

struct Standing final : ProcessRun::Owner, std::enable_shared_from_this<Standing> {
  explicit Standing(std::shared_ptr<const ProcessOptions> options_in)
      : options(std::move(options_in)) {}

  // By the host, which has counted it.
  absl::Status Start(const std::shared_ptr<ProcessHost::Rep>& by);
  void Join(absl::AnyInvocable<void(const ChildEnd&)> fn);
  // Callbacks whose time has come are called from the loop.
  void TellSoon();
  void Tell();
  void HostGone();

  void OnRunStarted(const absl::StatusOr<Root>& made) override;
  void OnRunEnded() override;

  std::shared_ptr<const ProcessOptions> options;
  std::weak_ptr<ProcessHost::Rep> host;
  std::unique_ptr<ProcessRun> run;  // null: none runs
  Root actor;                       // while one runs
  Root target;                      // where messages go: a promise of the child's actor
  std::optional<absl::Status> started;
  std::string epitaph;  // of the last run
  ChildEnd end;
  bool is_tell_due = false;

  std::vector<absl::AnyInvocable<void(const absl::Status&)>> on_started;
  std::function<void(bool, const ChildEnd&)> on_end;
  std::vector<absl::AnyInvocable<void(const ChildEnd&)>> joiners;
  std::optional<VmLoop::Hold> hold;  // for the joiners
};

// The behavior of a stand-in.
Value MakeStandIn(Core& core, std::shared_ptr<Standing> standing);
// One that starts a child with its first message.
Value MakeStarter(Core& core, std::weak_ptr<ProcessHost::Rep> host,
                  std::shared_ptr<const ProcessOptions> options);

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_STAND_IN_H_
