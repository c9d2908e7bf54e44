// ProcessRun: one run of a child process, from its start until it has ended and nothing of it is
// left: the process, the session with it, and the deadlines of both.
//
//   starts --the child has made its actor--> runs --Stop()--> ends: asked, SIGTERM, SIGKILL -->
//   over
//      \________________________________________\___ by itself, or its end of the pipe ________/
//
// The pipe and the process end apart from each other. A child whose pipe has ended, because it
// closed it, wrote what is no CapTP or broke its rules, is killed, a moment later so that one that
// was about to end says how. A process that has ended may have written before: that is read first.
//
// Ownership: borrows the loop, the environment and the owner. Destroying it ends the process at
//            once; what was asked of it breaks.
// Threads:   the VM's.
// Limits:    ProcessOptions.
#ifndef VESICLE_TRANSPORT_HOST_PROCESS_RUN_H_
#define VESICLE_TRANSPORT_HOST_PROCESS_RUN_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/host/process.h"
#include "transport/loop_environment.h"
#include "transport/pipe.h"
#include "transport/session/network.h"
#include "vm/loop/vm_loop.h"

namespace vesicle {

class ProcessRun final : private TurnEndTask {
 public:
  class Owner {
   public:
    // Once, before the end: the actor, or why there is none. Perhaps in a turn of the VM.
    virtual void OnRunStarted(const absl::StatusOr<Root>& actor) = 0;
    // Once, the last: outside of turns. May destroy the run.
    virtual void OnRunEnded() = 0;

   protected:
    ~Owner() = default;
  };

  // See SpawnProcess. May be called in a turn, of which it is no effect: the session begins when
  // that is over.
  static absl::StatusOr<std::unique_ptr<ProcessRun>> Start(
      VmLoop& loop, LoopEnvironment& environment, std::shared_ptr<const ProcessOptions> options,
      Owner& owner);
  ~ProcessRun() override;

  int pid() const { return process_->pid(); }
  // In a turn or outside.
  void Stop();
  void Kill();  // SIGKILL
  bool was_stopped() const { return was_stopped_; }
  // Messages can go to it.
  bool is_open() const { return !is_line_gone_ && !end_; }
  // When it is over.
  const ChildEnd& end() const { return *end_; }
  // "counter (pid 12) ended by signal 9 (SIGKILL)", and why the pipe ended where that came first.
  std::string Epitaph() const;

 private:
  ProcessRun(VmLoop& loop, LoopEnvironment& environment,
             std::shared_ptr<const ProcessOptions> options, Owner& owner);
  absl::Status Launch();
  void OnTurnEnd() override;
  void Begin();
  void AskToStop();
  void ForceEnd();
  void OnAnswer(const Reply& reply);
  void OnLate();
  void OnLineGone(const absl::Status& why);
  void OnExit(const ChildEnd& end);
  void TellStarted(const absl::StatusOr<Root>& actor);
  void End();
  void Hold(bool holds);

  VmLoop& loop_;
  LoopEnvironment& environment_;
  std::shared_ptr<const ProcessOptions> options_;
  Owner& owner_;
  std::unique_ptr<PipeTransport> pipe_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<ChildProcess> process_;
  Root launcher_;  // the child's, a promise
  std::shared_ptr<ProcessRun*> alive_;
  bool has_begun_ = false;  // the session
  bool is_start_told_ = false;
  bool was_stopped_ = false;
  bool is_asked_ = false;
  bool is_line_gone_ = false;
  bool was_cut_off_ = false;  // killed because of its pipe
  bool is_over_ = false;
  std::string refusal_;  // why it did not start
  std::string line_why_;
  std::optional<ChildEnd> end_;
  std::unique_ptr<Environment::Timer> late_;   // of the start
  std::unique_ptr<Environment::Timer> force_;  // of the end
  std::optional<VmLoop::Hold> hold_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_PROCESS_RUN_H_
