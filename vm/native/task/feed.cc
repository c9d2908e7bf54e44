#include "vm/native/task/feed.h"

#include <algorithm>
#include <exception>

#include "vm/native/typed/turn_access.h"

namespace vesicle {

void Attachment::Detach() {
  if (is_attached()) (*feed_)->Detach();
}

Feed::Feed(ActorCode& code, AttachOptions options)
    : code_(code), options_(std::move(options)), link_(std::make_shared<Feed*>(this)) {
  options_.burst_max = std::max<size_t>(options_.burst_max, 1);
  net_.feed = this;
}

Attachment Feed::Begin(std::unique_ptr<Feed> feed, Turn&) {
  Attachment attachment(feed->link_);
  Actors& actors = feed->code_.actors();
  auto* begun = static_cast<Feed*>(feed->code_.sources().Add(std::move(feed)));
  begun->SpreadNet();
  // If this turn fails the net is told, in the turn.
  actors.NoteTaken();
  if (begun->IsReadyNow()) {
    begun->WaitBehind();
  } else {
    begun->Wait();
  }
  return attachment;
}

void Feed::Detach() {
  is_over_ = true;
  if (!is_running_) End();
}

// The source has something, or what waited has had its turn.
void Feed::OnWake(Turn& turn) {
  InTurn(turn, [&] { ServeOrWait(turn); });
}

void Feed::OnNet(Turn& turn) {
  if (turn.has_failed()) return End();  // the turn that attached it
  if (!is_mending_) return OnWake(turn);
  is_mending_ = false;
  InTurn(turn, [&] {
    SpreadNet();
    if (IsReadyNow()) {
      WaitBehind();
    } else {
      Wait();
    }
  });
}

void Feed::InTurn(Turn& turn, absl::FunctionRef<void()> fn) {
  // Killed: it ends soon.
  if (code_.has_ended()) return;
  code_.actors().set_running(&code_);
  is_running_ = true;
  try {
    fn();
  } catch (const std::bad_alloc&) {
    turn.Quota(Resource::kMemory);
  } catch (...) {
    code_.Threw(turn, std::current_exception());
  }
  // A budget that is used up has nothing for the next item.
  if (TurnAccess::End(turn) == TurnEnd::kQuota) is_over_ = true;
  TurnAccess::FailForGood(turn);
  if (turn.has_failed()) {
    if (!is_over_) {
      is_mending_ = true;
      code_.actors().core().Keep(net_.promise.value(), Value::Nil());
    }
    code_.AfterTaskFailed(turn, options_.name);  // whose OnFault may detach it
  }
  is_running_ = false;
  if (is_over_) End();
}

void Feed::ServeOrWait(Turn& turn) {
  if (!IsReady()) return Wait();
  if (options_.priority == AttachOptions::Priority::kBehind && !is_due_) return WaitBehind();
  is_due_ = false;
  Serve(turn);
  if (!is_over_ && !turn.has_failed()) GoOn();
}

void Feed::GoOn() {
  if (!IsReadyNow()) {
    in_a_row_ = 0;
    return Wait();
  }
  if (options_.priority == AttachOptions::Priority::kBehind || ++in_a_row_ >= options_.burst_max) {
    in_a_row_ = 0;
    return WaitBehind();
  }
  code_.actors().WakeFirst(*this);
}

void Feed::Wait() {
  code_.actors().BeginWait(*this);
  Arm(code_.actors());
}

void Feed::WaitBehind() {
  is_due_ = true;
  code_.actors().BeginWait(*this);
  code_.actors().WaitFor(Value::Nil());
}

void Feed::SpreadNet() {
  Core& core = code_.actors().core();
  net_.promise = Root(core.heap(), core.NewPromise());
  code_.actors().BeginWait(net_);
  code_.actors().WaitFor(net_.promise.value());
}

}  // namespace vesicle
