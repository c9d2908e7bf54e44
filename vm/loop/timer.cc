// The timer: one libuv timer for the nearest of many deadlines.
//
// Deadlines are nanoseconds of the monotonic clock and order by time, then by the
// order in which they were set. None fires early. What is due together rings in
// pieces, with turns between them, and what nobody can hear is let go, in pieces too.
//
// A budget may have as many timers as are still free: alone half of the table, and
// however many budgets there are, something is left for one that comes.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "vm/actor/boundary.h"
#include "vm/loop/devices.h"
#include "vm/loop/loop_device.h"
#include "vm/loop/uv_handle.h"
#include "vm/value/number.h"

namespace vesicle {
namespace {

using Deadline = std::pair<uint64_t, uint64_t>;  // nanoseconds, serial

// Timers that ring between two slices: 0.1 ms.
constexpr int kRungAtOnce = 500;
// Looked at for being let go: by a request that finds the table full, which pays for it; at the
// end of a slice, when they are first in the table, and when half of it is taken.
constexpr size_t kLookedAtWhenFull = 100;
constexpr size_t kStepsOfLook = 20;
constexpr int kDroppedAtOnce = 500;
constexpr size_t kLookedAtInFlush = 64;
// A way may lead through a thousand boundaries. Each time a timer rings only so many are looked at,
// and all of them one time in so many; what is sent to a ref that is cut behind these is dropped as
// what was under way.
constexpr int kHopsLookedAt = 16;
constexpr uint64_t kRingsUnlooked = 64;

// The target is cut off within the first boundaries on the way.
bool IsCutNear(Value target) {
  for (int hops = 0; hops < kHopsLookedAt && target.is_target(); ++hops) {
    const Object* o = target.target();
    if (o->kind == Kind::kPayer) {
      target = o->words()[0];
    } else if (o->kind == Kind::kProxy) {
      if (boundary::OfProxy(o)->is_cut() || boundary::Target(o).is_nil()) return true;
      target = boundary::Target(o);
    } else {
      return false;
    }
  }
  return false;
}

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
    const Sponsor* payer = &turn.core().sponsor();
    if (!HasPlaceFor(payer)) {
      turn.Charge(static_cast<int64_t>(kLookedAtWhenFull * kStepsOfLook));
      DropUnheard(kLookedAtWhenFull);
      if (!HasPlaceFor(payer)) return turn.Fault("full", FullText(payer));
    }
    const uint64_t ns = static_cast<uint64_t>(std::ceil(*ms * 1e6));
    if (after) {
      if (!turn.is_asked()) return;
      Set(uv_hrtime() + ns, {turn.TakeReply(), {}, payer, {}, {}, 0, nullptr});
      return;
    }
    Heap& heap = vm().core().heap();
    const Value message = fields.size() == 3 ? fields[2] : turn.Symbol("tick");
    // Where it stands in waiting_, as long as it runs.
    auto place = std::make_shared<std::optional<Deadline>>();
    Set(uv_hrtime() + ns, {{},
                           turn.payer(),
                           payer,
                           Root(heap, fields[1]),
                           Root(heap, message),
                           every ? ns : 0,
                           place});
    turn.Reply(turn.Create(MakeNativeBehavior(
        turn.core(), "timer.cancel", [weak = weak_from_this(), place](Turn& cancel) {
          if (!Is(cancel.message(), "cancel", 0)) return Refuse(cancel, "it takes #cancel");
          const std::shared_ptr<Timer> timer = weak.lock();
          cancel.Reply(Value::Bool(timer != nullptr && timer->Cancel(*place)));
        })));
  }

  // Before the loop sleeps: it does not for what nobody waits for any more.
  void Flush() override {
    if (is_late_) Ring();
    int dropped = 0;
    while (!waiting_.empty() && IsUnheard(waiting_.begin()->second)) {
      if (++dropped > kDroppedAtOnce) return loop().Wake();
      Drop(waiting_.begin());
    }
    if (waiting_.size() >= options_.timers_max / 2) DropUnheard(kLookedAtInFlush);
    if (dropped > 0 || waiting_.empty()) Arm();
  }

  bool IsPending() const override { return !waiting_.empty(); }

  void Close() override {
    waiting_.clear();
    held_.clear();
    is_late_ = false;
    uv_timer_.Close();
  }

 private:
  struct Waiting {
    ReplySlot asker;                   // of #after
    Payer payer;                       // of the others
    const Sponsor* sponsor = nullptr;  // of either, which keeps it
    Root target;
    Root message;
    uint64_t every_ns = 0;
    std::shared_ptr<std::optional<Deadline>> place;
  };

  using Table = std::map<Deadline, Waiting>;

  size_t HeldBy(const Sponsor* payer) const {
    const auto held = held_.find(payer);
    return held == held_.end() ? 0 : held->second;
  }

  bool HasPlaceFor(const Sponsor* payer) const {
    return waiting_.size() < options_.timers_max &&
           HeldBy(payer) < options_.timers_max - waiting_.size();
  }

  std::string FullText(const Sponsor* payer) const {
    if (waiting_.size() >= options_.timers_max) {
      return absl::StrCat(options_.timers_max, " timers run already");
    }
    return absl::StrCat(HeldBy(payer), " timers of this budget run already, and ",
                        options_.timers_max - waiting_.size(), " are free");
  }

  void Set(uint64_t at_ns, Waiting waiting) {
    const Deadline deadline = {at_ns, ++serial_};
    if (waiting.place != nullptr) *waiting.place = deadline;
    ++held_[waiting.sponsor];
    waiting_.emplace(deadline, std::move(waiting));
    if (waiting_.begin()->first == deadline) Arm();
  }

  // Out of the table, and of its sponsor's count.
  Table::node_type Take(Table::iterator at) {
    const auto held = held_.find(at->second.sponsor);
    if (--held->second == 0) held_.erase(held);
    return waiting_.extract(at);
  }

  bool Cancel(std::optional<Deadline>& place) {
    if (!place) return false;
    const auto at = waiting_.find(*place);
    place.reset();
    if (at == waiting_.end()) return false;
    Take(at);
    Arm();
    return true;
  }

  // Who set it went on without it or was stopped, or whom it would wake is cut off.
  static bool IsUnheard(const Waiting& waiting) {
    return waiting.sponsor->stopped || waiting.asker.is_abandoned() ||
           IsCutNear(waiting.target.value());
  }

  void Drop(Table::iterator at) {
    auto node = Take(at);
    Waiting& waiting = node.mapped();
    if (waiting.place != nullptr) waiting.place->reset();
    if (waiting.sponsor->stopped) waiting.asker.Break(vm().Symbol("stopped"));
  }

  // Looks at so many, from where the last look ended. If the first goes, the loop wakes once too
  // early, or Flush() sees that none is left.
  void DropUnheard(size_t looks) {
    auto at = waiting_.upper_bound(looked_at_);
    for (looks = std::min(looks, waiting_.size()); looks > 0 && !waiting_.empty(); --looks) {
      if (at == waiting_.end()) at = waiting_.begin();
      looked_at_ = at->first;
      const auto next = std::next(at);
      if (IsUnheard(at->second)) Drop(at);
      at = next;
    }
  }

  void Arm() {
    if (waiting_.empty()) {
      if (uv_timer_.is_open()) uv_timer_stop(uv_timer_.get());
      return;
    }
    if (!uv_timer_.is_open()) {
      uv_timer_.Init(loop().uv(), uv_timer_init);  // cannot fail
      uv_timer_.set_callback([this] { Ring(); });
    }
    const uint64_t now = uv_hrtime();
    const uint64_t at = waiting_.begin()->first.first;
    // What is late comes by Flush(), or by this where no turns run. With 0 libuv would call again
    // before it looks at anything else.
    const uint64_t ms = at <= now ? (is_late_ ? 1 : 0) : (at - now + 999'999) / 1'000'000;
    uv_update_time(loop().uv());
    uv_timer_start(uv_timer_.get(), UvHandle<uv_timer_t>::Fire, ms, 0);
  }

  void Ring() {
    const uint64_t now = uv_hrtime();
    int rung = 0;
    is_late_ = false;
    while (!waiting_.empty() && waiting_.begin()->first.first <= now) {
      if (++rung > kRungAtOnce) break;
      auto first = Take(waiting_.begin());
      Waiting waiting = std::move(first.mapped());
      if (waiting.place != nullptr) waiting.place->reset();
      if (waiting.target.value().is_nil()) {
        if (waiting.sponsor->stopped) {
          waiting.asker.Break(vm().Symbol("stopped"));
        } else {
          waiting.asker.Keep(Value::Nil());
        }
        continue;
      }
      const bool goes_on = SendFrom(waiting, first.key().second);
      if (goes_on && waiting.every_ns != 0) {
        // On the grid of the first one; what was missed while the VM was busy is left out.
        const uint64_t missed = (now - first.key().first) / waiting.every_ns;
        Set(first.key().first + (missed + 1) * waiting.every_ns, std::move(waiting));
      }
    }
    // More than ring at once, or the next one while these rang: Flush() goes on, after a slice.
    is_late_ = !waiting_.empty() && waiting_.begin()->first.first <= uv_hrtime();
    Arm();
    loop().Wake();
  }

  // False: who set it cannot pay any more, and has nobody to ask for more; or nobody is there who
  // could hear it, or cancel it.
  bool SendFrom(const Waiting& waiting, uint64_t serial) {
    const Value target = waiting.target.value();
    if (waiting.sponsor->stopped || IsCutNear(target)) return false;
    if (serial % kRingsUnlooked == 0 && vm().core().LeadsNowhere(target)) return false;
    // Nothing piles up behind a message that is parked.
    if (waiting.every_ns != 0 && waiting.payer.is_dry()) return true;
    return waiting.payer.Send(target, waiting.message.value()) != Core::Delivery::kRefused;
  }

  TimerOptions options_;
  Table waiting_;
  absl::flat_hash_map<const Sponsor*, size_t> held_;  // how many of them, where any
  uint64_t serial_ = 0;
  Deadline looked_at_ = {};  // where the last look for what is unheard ended
  bool is_late_ = false;     // more was due when the last ring ended
  UvHandle<uv_timer_t> uv_timer_;
};

}  // namespace

Root MakeTimer(VmLoop& loop, TimerOptions options) {
  return MakeDevice<Timer>(loop, "timer", options);
}

}  // namespace vesicle
