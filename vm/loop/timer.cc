// The timer: one libuv timer for the nearest of many deadlines.
//
// Deadlines are nanoseconds of the monotonic clock and order by time, then by the
// order in which they were set. None fires early.
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/loop/uv_handle.h"
#include "vm/value/number.h"

namespace vesicle {
namespace {

using Deadline = std::pair<uint64_t, uint64_t>;  // nanoseconds, serial

class Timer final : public LoopDevice, public std::enable_shared_from_this<Timer> {
 public:
  Timer(VmLoop& loop, TimerOptions options) : LoopDevice(loop), options_(options) {}

  void Handle(Turn& turn) override {
    const Value m = turn.message();
    const bool after = Is(m, "after", 1) || Is(m, "sleep", 1);
    const bool start = Is(m, "start", 3);
    const bool every = Is(m, "every", 2) || Is(m, "every", 3);
    if (!after && !start && !every) {
      return Refuse(turn,
                    "a timer takes #after(ms), #sleep(ms), #start(ms, ref, message) and "
                    "#every(ms, ref, message)");
    }
    const auto fields = FieldsOf(m);
    const std::optional<double> ms = DoubleOf(fields[0]);
    if (!ms || !(*ms >= (every ? 1 : 0)) || *ms > kTimerMsMax) {
      return turn.Fault("type", every ? "a timer wants milliseconds, 1 to 10^12"
                                      : "a timer wants milliseconds, 0 to 10^12");
    }
    if (!after && !fields[1].is_target()) {
      return turn.Fault("type", "a timer wants a ref to send to as its second field");
    }
    ++requests_;
    if (waiting_.size() >= options_.timers_max) DropAbandoned();
    if (waiting_.size() >= options_.timers_max) {
      return turn.Fault("full", absl::StrCat(options_.timers_max, " timers run already"));
    }
    const uint64_t ns = static_cast<uint64_t>(std::ceil(*ms * 1e6));
    if (after) {
      if (!turn.is_asked()) return;
      Set(uv_hrtime() + ns, {turn.TakeReply(), {}, {}, {}, 0, nullptr});
      return;
    }
    Heap& heap = vm().core().heap();
    const Value message = fields.size() == 3 ? fields[2] : turn.Symbol("tick");
    // Where it stands in waiting_, as long as it runs.
    auto place = std::make_shared<std::optional<Deadline>>();
    Set(uv_hrtime() + ns,
        {{}, turn.payer(), Root(heap, fields[1]), Root(heap, message), every ? ns : 0, place});
    turn.Reply(turn.Create(MakeNativeBehavior(
        turn.core(), "timer.cancel", [weak = weak_from_this(), place](Turn& cancel) {
          if (!Is(cancel.message(), "cancel", 0)) return Refuse(cancel, "it takes #cancel");
          const std::shared_ptr<Timer> timer = weak.lock();
          cancel.Reply(Value::Bool(timer != nullptr && timer->Cancel(*place)));
        })));
  }

  // Before the loop sleeps: it does not for what nobody waits for any more.
  void Flush() override {
    bool any = false;
    for (; !waiting_.empty() && waiting_.begin()->second.asker.is_abandoned(); any = true) {
      waiting_.erase(waiting_.begin());
    }
    if (any) Arm();
  }

  bool IsPending() const override { return !waiting_.empty(); }

  void Close() override {
    waiting_.clear();
    uv_timer_.Close();
  }

 private:
  struct Waiting {
    ReplySlot asker;  // of #after
    Payer payer;      // of the others
    Root target;
    Root message;
    uint64_t every_ns = 0;
    std::shared_ptr<std::optional<Deadline>> place;
  };

  void Set(uint64_t at_ns, Waiting waiting) {
    const Deadline deadline = {at_ns, ++serial_};
    if (waiting.place != nullptr) *waiting.place = deadline;
    waiting_.emplace(deadline, std::move(waiting));
    if (waiting_.begin()->first == deadline) Arm();
  }

  bool Cancel(std::optional<Deadline>& place) {
    if (!place) return false;
    const bool was_there = waiting_.erase(*place) > 0;
    place.reset();
    if (was_there) Arm();
    return was_there;
  }

  // The table is full. Its walk is worth a quarter of it in requests, so that one who
  // fills it cannot make each of them a walk.
  void DropAbandoned() {
    if (walked_at_ != 0 && requests_ - walked_at_ < options_.timers_max / 4) return;
    walked_at_ = requests_;
    std::erase_if(waiting_, [](const auto& entry) { return entry.second.asker.is_abandoned(); });
    Arm();
  }

  void Arm() {
    if (waiting_.empty()) {
      if (uv_timer_.is_open()) uv_timer_stop(uv_timer_.get());
      return;
    }
    if (!uv_timer_.is_open()) {
      uv_timer_.Init(loop().uv(), uv_timer_init);  // cannot fail
      uv_timer_.set_callback([this] { OnTime(); });
    }
    const uint64_t now = uv_hrtime();
    const uint64_t at = waiting_.begin()->first.first;
    const uint64_t ms = at <= now ? 0 : (at - now + 999'999) / 1'000'000;
    uv_update_time(loop().uv());
    uv_timer_start(uv_timer_.get(), UvHandle<uv_timer_t>::Fire, ms, 0);
  }

  void OnTime() {
    const uint64_t now = uv_hrtime();
    while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
      auto first = waiting_.extract(waiting_.begin());
      Waiting waiting = std::move(first.mapped());
      if (waiting.place != nullptr) waiting.place->reset();
      if (waiting.target.value().is_nil()) {
        waiting.asker.Keep(Value::Nil());
        continue;
      }
      const bool goes_on = SendFrom(waiting);
      if (goes_on && waiting.every_ns != 0) {
        // On the grid of the first one; what was missed while the VM was busy is left out.
        const uint64_t missed = (now - first.key().first) / waiting.every_ns;
        Set(first.key().first + (missed + 1) * waiting.every_ns, std::move(waiting));
      }
    }
    Arm();
    loop().Wake();
  }

  // False: who set it cannot pay any more, and has nobody to ask for more; or nobody is there who
  // could hear it, or cancel it.
  bool SendFrom(const Waiting& waiting) {
    if (vm().core().LeadsNowhere(waiting.target.value())) return false;
    // Nothing piles up behind a message that is parked.
    if (waiting.every_ns != 0 && waiting.payer.is_dry()) return true;
    return waiting.payer.Send(waiting.target.value(), waiting.message.value()) !=
           Core::Delivery::kRefused;
  }

  TimerOptions options_;
  std::map<Deadline, Waiting> waiting_;
  uint64_t serial_ = 0;
  uint64_t requests_ = 0;
  uint64_t walked_at_ = 0;  // the request that the table was last walked for
  UvHandle<uv_timer_t> uv_timer_;
};

}  // namespace

Root MakeTimer(VmLoop& loop, TimerOptions options) {
  return MakeDevice<Timer>(loop, "timer", options);
}

}  // namespace vesicle
