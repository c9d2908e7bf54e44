#include "transport/host/stand_in.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/actor/actor.h"
#include "vm/actor/core_turn.h"
#include "vm/actor/promise.h"
#include "vm/actor/supervision.h"
#include "vm/value/form.h"

namespace vesicle {
namespace {

// What the host says to a stand-in: #ended(brand), that its child did, and was not told to.
constexpr std::string_view kEnded = "ended";
// About, of a Standing and its code.
constexpr size_t kStandingBytes = 1024;

bool IsOfHost(const ProcessHost::Rep* host, Value message) {
  return host != nullptr && Is(message, kEnded, 1) && FieldsOf(message)[0] == host->brand.value();
}

// Of both: of a stand-in, and of what becomes one with its first message.
class ProcessCode final : public CodeBody {
 public:
  ProcessCode(std::weak_ptr<ProcessHost::Rep> host, std::shared_ptr<const ProcessOptions> options,
              std::shared_ptr<Standing> standing)
      : host_(std::move(host)),
        options_(std::move(options)),
        standing_(std::move(standing)),
        name_(absl::StrCat("process ", options_->Label())) {}

  static Value Make(Core& core, std::weak_ptr<ProcessHost::Rep> host,
                    std::shared_ptr<const ProcessOptions> options,
                    std::shared_ptr<Standing> standing) {
    Object* code = code::Make(
        core.heap(), new ProcessCode(std::move(host), std::move(options), std::move(standing)),
        &ProcessCode::Enter, nullptr, 0);
    return Value::Data(core.NewHolder(Kind::kBehavior, code, 0));
  }

  const std::string& name() const override { return name_; }
  size_t bytes() const override { return kStandingBytes; }
  bool is_opaque() const override { return true; }
  void OnLifeEnd(Core&, Object*) const override {
    if (standing_ != nullptr && standing_->run != nullptr) standing_->run->Stop();
  }

 private:
  static TurnEnd Enter(Core& core, Object* holder) {
    --core.fuel;
    auto& code = *static_cast<ProcessCode*>(code::Body(code::Of(holder)));
    const std::shared_ptr<ProcessHost::Rep> host = code.host_.lock();
    if (IsOfHost(host.get(), core.turn().message)) return code.HearOfEnd(core);
    return code.standing_ == nullptr ? code.Start(core, host.get()) : code.Forward(core);
  }

  // The supervisor, if there is one, hears of it as of any fault.
  TurnEnd HearOfEnd(Core& core) const {
    // It began anew meanwhile.
    if (standing_ == nullptr || standing_->run != nullptr) return TurnEnd::kDone;
    if (!core.IsSelfSupervised()) return TurnEnd::kDone;
    return core.Fault(core.Reason("disconnected", standing_->epitaph), {});
  }

  TurnEnd Start(Core& core, ProcessHost::Rep* host) const {
    if (host == nullptr) {
      return core.Fault(core.Reason("disconnected", "the host of processes is gone"), {});
    }
    auto standing = std::make_shared<Standing>(options_);
    if (const absl::Status status = host->Start(standing); !status.ok()) {
      return core.Fault(ReasonOf(core, status), {});
    }
    const TurnEnd end = Send(core, standing->target.value());
    if (end != TurnEnd::kDone) {
      standing->run->Kill();
      return end;
    }
    standing->actor = Root(core.heap(), core.turn().self);
    core.StageBecome(Make(core, host_, options_, std::move(standing)));
    return TurnEnd::kDone;
  }

  TurnEnd Forward(Core& core) const {
    if (standing_->run != nullptr && standing_->run->is_open()) {
      return Send(core, standing_->target.value());
    }
    TurnState& turn = core.turn();
    const Value reason = core.Reason("disconnected", standing_->epitaph);
    // That nobody is there is known; only where nobody asked is it to be reported.
    if (turn.slot.is_nil()) return core.Fault(reason, {});
    core.Break(std::exchange(turn.slot, Value::Nil()), reason);
    return TurnEnd::kDone;
  }

  // Whoever gets the message answers for us.
  static TurnEnd Send(Core& core, Value target) {
    TurnState& turn = core.turn();
    // A promise that was kept costs a dispatch each time.
    if (IsPromise(target)) {
      const Object* root = promise::Root(core.heap(), target.target());
      if (promise::StateOf(root) == promise::State::kKept) target = promise::Outcome(root);
    }
    if (!core.Send(target, turn.message, turn.slot)) return core.Quota(Resource::kEvents);
    turn.slot = Value::Nil();
    return TurnEnd::kDone;
  }

  std::weak_ptr<ProcessHost::Rep> host_;
  std::shared_ptr<const ProcessOptions> options_;
  std::shared_ptr<Standing> standing_;  // null: it is to be started
  std::string name_;
};

}  // namespace

Value MakeStandIn(Core& core, std::shared_ptr<Standing> standing) {
  return ProcessCode::Make(core, standing->host, standing->options, standing);
}

Value MakeStarter(Core& core, std::weak_ptr<ProcessHost::Rep> host,
                  std::shared_ptr<const ProcessOptions> options) {
  return ProcessCode::Make(core, std::move(host), std::move(options), nullptr);
}

absl::Status Standing::Start(const std::shared_ptr<ProcessHost::Rep>& by) {
  auto made = ProcessRun::Start(by->loop, by->environment, options, *this);
  if (!made.ok()) return made.status();
  run = *std::move(made);
  host = by;
  started.reset();
  epitaph = run->Epitaph();
  Core& core = by->loop.vm().core();
  target = Root(core.heap(), core.NewPromise());
  by->running.push_back(shared_from_this());
  return absl::OkStatus();
}

void Standing::OnRunStarted(const absl::StatusOr<Root>& made) {
  const std::shared_ptr<ProcessHost::Rep> by = host.lock();
  if (by == nullptr) return;
  started = made.status();
  Core& core = by->loop.vm().core();
  if (made.ok()) {
    core.Keep(target.value(), made->value());
  } else {
    core.Break(target.value(), ReasonOf(core, made.status()));
  }
  TellSoon();
}

// Outside of turns.
void Standing::OnRunEnded() {
  const std::shared_ptr<Standing> self = shared_from_this();
  const std::shared_ptr<ProcessHost::Rep> by = host.lock();
  epitaph = started && !started->ok() ? std::string(started->message()) : run->Epitaph();
  end = run->end();
  const bool was_stopped = run->was_stopped();
  run.reset();
  if (by == nullptr) return;
  std::erase(by->running, self);
  // On the budget whose faults are its own, or no verdict would follow.
  Core& core = by->loop.vm().core();
  const Root told = std::exchange(actor, Root());
  if (!was_stopped && told.value().is_target()) {
    if (Object* record = supervision::RecordOf(told.value());
        record != nullptr && !supervision::IsStopped(record) &&
        !supervision::WordOf(record, supervision::Of::kSupervisor).is_nil()) {
      const Value message = by->loop.vm().Tagged(kEnded, by->brand.value());
      core.DeliverOn(supervision::WordOf(record, supervision::Of::kOwn), told.value(), message);
    }
  }
  if (on_end) {
    // It may be replaced, or restart us.
    const auto fn = on_end;
    fn(was_stopped, end);
  }
  Tell();
}

void Standing::Join(absl::AnyInvocable<void(const ChildEnd&)> fn) {
  const std::shared_ptr<ProcessHost::Rep> by = host.lock();
  if (by == nullptr) return fn(end);
  joiners.push_back(std::move(fn));
  if (run == nullptr) return TellSoon();
  if (!hold) hold.emplace(by->loop);
}

void Standing::TellSoon() {
  const std::shared_ptr<ProcessHost::Rep> by = host.lock();
  if (by == nullptr || std::exchange(is_tell_due, true)) return;
  (void)by->loop.Post([self = shared_from_this()](Vm&) { self->Tell(); });
}

void Standing::Tell() {
  is_tell_due = false;
  if (started) {
    for (auto& fn : std::exchange(on_started, {})) fn(*started);
  }
  if (run != nullptr) return;
  hold.reset();
  for (auto& fn : std::exchange(joiners, {})) fn(end);
}

void Standing::HostGone() {
  if (run != nullptr) epitaph = absl::StrCat(options->Label(), ": the host of processes is gone");
  hold.reset();
  on_started.clear();
  on_end = {};
  joiners.clear();
  actor.reset();
  run.reset();
  // Of a child that was not there yet: what waits for it.
  if (const std::shared_ptr<ProcessHost::Rep> by = host.lock()) {
    Core& core = by->loop.vm().core();
    core.Break(target.value(), core.Reason("disconnected", epitaph));
  }
  host.reset();
}

}  // namespace vesicle
