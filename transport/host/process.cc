#include "transport/host/process.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/host/process_run.h"
#include "transport/host/stand_in.h"
#include "transport/loop_environment.h"

namespace vesicle {

ProcessHost::Rep::Rep(VmLoop& loop_in, ProcessHostOptions options_in)
    : loop(loop_in), options(options_in), environment(loop_in.uv()) {
  // Nobody but this host has it: so no message of somebody else's looks like one of its own.
  brand = loop.vm().Create([](Turn&) {});
}

absl::Status ProcessHost::Rep::Start(const std::shared_ptr<Standing>& standing) {
  std::erase_if(running, [](const auto& s) { return s->run == nullptr; });
  if (running.size() >= options.processes_max) {
    return absl::ResourceExhaustedError(
        absl::StrCat(standing->options->Label(), ": ", options.processes_max,
                     " processes run already: stop some, or raise processes_max"));
  }
  return standing->Start(shared_from_this());
}

ProcessHost::ProcessHost(VmLoop& loop, ProcessHostOptions options)
    : rep_(std::make_shared<Rep>(loop, options)) {}

ProcessHost::~ProcessHost() {
  // All are told before one is waited for.
  for (const auto& standing : rep_->running) {
    if (standing->run != nullptr) standing->run->Kill();
  }
  for (const auto& standing : std::exchange(rep_->running, {})) standing->HostGone();
}

size_t ProcessHost::running() const {
  return static_cast<size_t>(std::count_if(rep_->running.begin(), rep_->running.end(),
                                           [](const auto& s) { return s->run != nullptr; }));
}

namespace {

class HandleOfProcess final : public Process {
 public:
  HandleOfProcess(std::shared_ptr<Standing> standing, Root ref)
      : standing_(std::move(standing)), ref_(std::move(ref)) {}
  ~HandleOfProcess() override {
    standing_->on_end = {};
    standing_->on_started.clear();
    standing_->joiners.clear();
    Kill();
  }

  const Root& ref() const override { return ref_; }
  int pid() const override { return is_running() ? standing_->run->pid() : 0; }
  bool is_running() const override { return standing_->run != nullptr; }

  void OnStarted(absl::AnyInvocable<void(const absl::Status&)> fn) override {
    standing_->on_started.push_back(std::move(fn));
    standing_->TellSoon();
  }
  void OnEnd(std::function<void(bool, const ChildEnd&)> fn) override {
    standing_->on_end = std::move(fn);
  }
  void Join(absl::AnyInvocable<void(const ChildEnd&)> fn) override {
    standing_->Join(std::move(fn));
  }
  void Stop() override {
    if (is_running()) standing_->run->Stop();
  }
  void Kill() override {
    if (is_running()) standing_->run->Kill();
  }
  absl::Status Restart() override {
    if (is_running()) {
      return absl::FailedPreconditionError(
          absl::StrCat(standing_->options->Label(), " (pid ", pid(), ") runs: stop it first"));
    }
    const std::shared_ptr<ProcessHost::Rep> host = standing_->host.lock();
    if (host == nullptr) return absl::FailedPreconditionError("the host of processes is gone");
    absl::Status status = host->Start(standing_);
    if (status.ok()) standing_->actor = ref_;
    return status;
  }

 private:
  std::shared_ptr<Standing> standing_;
  Root ref_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> ProcessHost::SpawnProcess(ProcessOptions options) {
  auto standing =
      std::make_shared<Standing>(std::make_shared<const ProcessOptions>(std::move(options)));
  if (absl::Status status = rep_->Start(standing); !status.ok()) return status;
  Core& core = rep_->loop.vm().core();
  Root ref(core.heap(), core.CreateActor(MakeStandIn(core, standing)));
  standing->actor = ref;
  return std::make_unique<HandleOfProcess>(std::move(standing), std::move(ref));
}

Root ProcessHost::Behavior(ProcessOptions options) {
  Core& core = rep_->loop.vm().core();
  return Root(core.heap(),
              MakeStarter(core, rep_, std::make_shared<const ProcessOptions>(std::move(options))));
}

Value ReasonOf(Core& core, const absl::Status& status) {
  const std::string text(status.message());
  switch (status.code()) {
    case absl::StatusCode::kNotFound:
      return core.Reason("not_found", text);
    case absl::StatusCode::kPermissionDenied:
      return core.Reason("denied", text);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kFailedPrecondition:
      return core.Reason("type", text);
    case absl::StatusCode::kResourceExhausted:
      return core.Reason("full", text);
    default:
      return core.Reason("disconnected", text);
  }
}

}  // namespace vesicle
