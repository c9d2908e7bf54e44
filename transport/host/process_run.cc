#include "transport/host/process_run.h"

#include <signal.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/host/child.h"
#include "vm/value/form.h"
#include "vm/value/print.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
// A child whose pipe has ended may be about to say how it ends.
constexpr int64_t kGraceMs = 100;
// What a child that has ended wrote before is read for so long at most.
constexpr int64_t kLastWordsMs = 500;
constexpr size_t kRefusalBytesMax = 2'000;

constexpr char kSelf[] = "/proc/self/exe";

PeerLocator ChildLocator() {
  PeerLocator peer;
  peer.name = {std::string(PipeTransport::kName), "child"};
  // Networks dial by address; a pipe has none.
  peer.hints = {{"host", "pipe"}, {"port", "1"}};
  return peer;
}

}  // namespace

ProcessRun::ProcessRun(VmLoop& loop, LoopEnvironment& environment,
                       std::shared_ptr<const ProcessOptions> options, Owner& owner)
    : loop_(loop),
      environment_(environment),
      options_(std::move(options)),
      owner_(owner),
      alive_(std::make_shared<ProcessRun*>(this)) {}

ProcessRun::~ProcessRun() {
  *alive_ = nullptr;
  network_.reset();
}

std::string ProcessRun::Epitaph() const {
  std::string text = absl::StrCat(options_->Label(), " (pid ", process_->pid(), ") ",
                                  end_ ? end_->ToString() : std::string("is ending"));
  if (!line_why_.empty() && was_cut_off_) absl::StrAppend(&text, "; its pipe: ", line_why_);
  return text;
}

absl::StatusOr<std::unique_ptr<ProcessRun>> ProcessRun::Start(
    VmLoop& loop, LoopEnvironment& environment, std::shared_ptr<const ProcessOptions> options,
    Owner& owner) {
  if (options->program.empty() && IsChildThatDoesNotKnow()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options->actor,
                     ": this program was started as a child, and does not call RunChild first in "
                     "its main: it would start children without end"));
  }
  std::unique_ptr<ProcessRun> run(new ProcessRun(loop, environment, std::move(options), owner));
  if (absl::Status status = run->Launch(); !status.ok()) {
    return absl::Status(status.code(),
                        absl::StrCat(run->options_->Label(), ": ", status.message()));
  }
  return run;
}

absl::Status ProcessRun::Launch() {
  using Output = ProcessOptions::Output;
  ChildOptions child;
  child.file = options_->program.empty() ? kSelf : options_->program;
  child.name = options_->program.empty() ? absl::StrCat("child ", options_->Label()) : "";
  child.arguments = {std::string(kChildArgument), absl::StrCat(options_->vm_memory_bytes_max)};
  child.environment = options_->environment;
  child.descriptors = {-1, options_->output == Output::kAll ? 1 : -1,
                       options_->output == Output::kNone ? -1 : 2};
  child.limits = options_->limits;
  child.on_exit = [this](const ChildEnd& end) { OnExit(end); };
  auto spawned = SpawnWithPipe(environment_, std::move(child));
  if (!spawned.ok()) return spawned.status();
  process_ = std::move(spawned->process);
  pipe_ = std::move(spawned->pipe);
  Hold(true);
  late_ = environment_.After(options_->start_ms_max * kNsPerMs, [this] { OnLate(); });
  environment_.AtTurnEnd(*this);
  return absl::OkStatus();
}

void ProcessRun::OnTurnEnd() {
  if (is_over_) return;
  if (is_line_gone_ && end_) return End();
  if (!std::exchange(has_begun_, true)) Begin();
  if (was_stopped_ && !std::exchange(is_asked_, true)) AskToStop();
}

// The session, and the actor asked for.
void ProcessRun::Begin() {
  Vm& vm = loop_.vm();
  NetworkOptions network;
  network.own.name = {std::string(PipeTransport::kName), "parent"};
  network.limits = options_->session;
  network.hello_ms_max = options_->start_ms_max;
  if (options_->terms) {
    network.terms = [options = options_](const PeerLocator&) { return options->terms(); };
  }
  network.on_gone = [this](const PeerLocator&, const absl::Status& why) { OnLineGone(why); };
  network_ = std::make_unique<Network>(vm, environment_, *pipe_, std::move(network));
  launcher_ = Root(vm.core().heap(), vm.core().NewPromise());
  const absl::Status fetched = network_->Fetch(
      {.peer = ChildLocator(), .swiss = std::string(kChildSwiss)}, launcher_.value());
  if (!fetched.ok()) {
    refusal_ = std::string(fetched.message());
    return ForceEnd();
  }
  std::vector<Value> arguments;
  for (const Root& argument : options_->arguments) arguments.push_back(argument.value());
  vm.Ask(launcher_, vm.Tagged("start", options_->actor.c_str(), vm.List(arguments)),
         [this, alive = alive_](const Reply& reply) {
           if (*alive != nullptr) OnAnswer(reply);
         });
}

void ProcessRun::OnAnswer(const Reply& reply) {
  if (is_start_told_) return;
  if (reply.ok() && Is(reply.value(), "ok", 1) && FieldsOf(reply.value())[0].is_target()) {
    late_.reset();
    if (!was_stopped_) Hold(false);
    return TellStarted(Root(loop_.vm().core().heap(), FieldsOf(reply.value())[0]));
  }
  if (reply.ok() && Is(reply.value(), "refused", 1) && IsText(FieldsOf(reply.value())[0])) {
    const Value text = FieldsOf(reply.value())[0];
    TellStarted(absl::InvalidArgumentError(absl::StrCat(
        options_->Label(), ": ", std::string(TextView(text)).substr(0, kRefusalBytesMax))));
    return ForceEnd();
  }
  // How it ended is known soon, and says more.
  refusal_ = reply.ok() ? "its answer is no child's" : Print(reply.reason()).substr(0, 300);
  force_ = environment_.After(kGraceMs * kNsPerMs, [this] {
    was_cut_off_ = true;
    ForceEnd();
  });
}

void ProcessRun::OnLate() {
  late_.reset();
  const absl::Status late = absl::DeadlineExceededError(
      absl::StrCat(options_->Label(), " (pid ", pid(), "): it had not answered after ",
                   options_->start_ms_max, " ms: is it a program that calls RunChild?"));
  ForceEnd();
  TellStarted(late);
}

void ProcessRun::TellStarted(const absl::StatusOr<Root>& actor) {
  if (std::exchange(is_start_told_, true)) return;
  owner_.OnRunStarted(actor);
}

void ProcessRun::Stop() {
  if (was_stopped_ || is_over_) return;
  was_stopped_ = true;
  Hold(true);
  environment_.AtTurnEnd(*this);
}

void ProcessRun::Kill() {
  if (is_over_) return;
  was_stopped_ = is_asked_ = true;
  ForceEnd();
}

void ProcessRun::ForceEnd() {
  Hold(true);
  process_->Signal(SIGKILL);
}

// Its answer is of no interest, but that a break is nobody's fault.
void ProcessRun::AskToStop() {
  Vm& vm = loop_.vm();
  if (!is_line_gone_ && network_ != nullptr) {
    vm.Ask(launcher_, vm.Symbol("stop"), [](const Reply&) {});
  }
  force_ = environment_.After(options_->stop_ms_max * kNsPerMs, [this] {
    process_->Signal(SIGTERM);
    force_ =
        environment_.After(options_->term_ms_max * kNsPerMs, [this] { process_->Signal(SIGKILL); });
  });
}

void ProcessRun::OnLineGone(const absl::Status& why) {
  if (std::exchange(is_line_gone_, true)) return;
  line_why_ = why.ok() ? "" : std::string(why.message());
  if (end_) return environment_.AtTurnEnd(*this);
  if (was_stopped_) return;
  Hold(true);
  force_ = environment_.After(kGraceMs * kNsPerMs, [this] {
    was_cut_off_ = true;
    process_->Signal(SIGKILL);
  });
}

void ProcessRun::OnExit(const ChildEnd& end) {
  end_ = end;
  late_.reset();
  Hold(true);
  if (is_line_gone_ || network_ == nullptr) {
    is_line_gone_ = true;
    return environment_.AtTurnEnd(*this);
  }
  force_ = environment_.After(kLastWordsMs * kNsPerMs, [this] {
    is_line_gone_ = true;
    environment_.AtTurnEnd(*this);
  });
}

void ProcessRun::End() {
  is_over_ = true;
  force_.reset();
  late_.reset();
  network_.reset();  // what was asked breaks
  if (was_stopped_ && !is_start_told_) {
    TellStarted(absl::CancelledError(
        absl::StrCat(options_->Label(), ": it was stopped before it had answered")));
  } else if (!is_start_told_) {
    TellStarted(absl::UnavailableError(absl::StrCat(Epitaph(), ", before it had answered",
                                                    was_cut_off_ && !refusal_.empty() ? ": " : "",
                                                    was_cut_off_ ? refusal_ : "")));
  }
  Hold(false);
  owner_.OnRunEnded();
}

void ProcessRun::Hold(bool holds) {
  if (holds && !hold_) hold_.emplace(loop_);
  if (!holds) hold_.reset();
}

}  // namespace vesicle
