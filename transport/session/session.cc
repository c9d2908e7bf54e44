#include "transport/session/session.h"

#include <algorithm>
#include <utility>

#include "transport/session/planted.h"
#include "transport/session/session_parcel.h"
#include "vm/actor/promise.h"

namespace vesicle {
namespace {

// Of what breaks when a session ends, and of imports that are looked at for their death, in one
// turn of the loop.
constexpr size_t kEndedAtOnce = 2'000;
constexpr size_t kLooksAtOnce = 2'000;
constexpr int64_t kLookAgainNs = 1'000'000;
constexpr int64_t kReturnSoonNs = 5'000'000;
constexpr size_t kReturnedAtOnce = 1'000;
// Messages of about so many bytes go to the connection together, which cannot part them: some peers
// want writes of 16 KiB at most.
constexpr size_t kFlushBytes = size_t{8} << 10;

}  // namespace

Session::Session(SessionHost& host, Options options)
    : host_(host),
      core_(host.core()),
      connection_(options.connection),
      key_(std::move(options.key)),
      hello_(std::move(options.hello)),
      id_(SessionIdOf(key_.id(), hello_.id)),
      dialect_(options.dialect),
      limits_(options.limits),
      wall_(std::move(options.wall)),
      alive_(std::make_shared<Session*>(this)),
      payer_(options.payer),
      exports_(heap(), 2 * (limits_.exports_max + limits_.asks_max)),
      imports_(heap(), PositionTable::Holds::kWeakly, 2 * limits_.imports_max),
      promises_(heap(), PositionTable::Holds::kWeakly, 2 * limits_.imports_max),
      answers_(heap(), PositionTable::Holds::kStrongly, 2 * limits_.answers_max),
      kept_answers_(heap(), PositionTable::Holds::kWeakly, 2 * limits_.asks_max),
      listeners_(heap(), PositionTable::Holds::kWeakly, 2 * limits_.listens_max),
      out_(limits_.message),
      framer_(limits_.message),
      fits_flat_(FitFlat(limits_.message)),
      bytes_(heap()) {
  const Core::Paying paying(core_, payer_);
  if (options.is_in_process) parcels_ = std::make_unique<Parcels>(*this, options.code);
  far_code_ = FarCode::Make(core_, this);
  bootstrap_ = far_ref::Make(heap(), far_code_, 0);
  core_.AddRoots(this);
}

Session::~Session() {
  *alive_ = nullptr;
  if (far_code_.is_data()) FarCode::Of(far_code_).End();
  core_.RemoveRoots(this);
}

void Session::VisitRoots(Visitor& visitor) {
  Value* words[] = {&payer_, &far_code_, &bootstrap_, &incoming_.target, &incoming_.slot};
  for (Value* word : words) visitor.Visit(word, 1);
  if (incoming_.ask) visitor.Visit(&incoming_.ask->value, 1);
  if (!flat_.empty()) visitor.Visit(flat_.data(), flat_.size());
  exports_.Visit(visitor);
  imports_.Visit(visitor);
  promises_.Visit(visitor);
  answers_.Visit(visitor);
  kept_answers_.Visit(visitor);
  listeners_.Visit(visitor);
  // Otherwise it keeps what it read last, of which nobody knows.
  if (!incoming_.is_under_way) return;
  codec().decoder.Visit(visitor);
  if (parcels_ != nullptr) parcels_->decoder.Visit(visitor);
}

// ---------------------------------------------------------------------------
// Writing

void Session::FlushLater() {
  host_.environment().AtTurnEnd(*this);
  if (out_.size() + ParcelBytes() >= kFlushBytes) Flush();
}

void Session::Flush() {
  if (parcels_ != nullptr) return SendParcels();
  if (out_.size() == 0) return;
  Send(out_.bytes());
  out_.Clear();
}

void Session::Send(std::string_view bytes) {
  if (connection_ == nullptr || bytes.empty()) return;
  // What does not fit was over the bound of what is pending, which is the connection's, too.
  if (const absl::Status sent = connection_->Send(bytes); !sent.ok()) {
    AbortLater(sent.message() == "" ? "it cannot be sent" : std::string(sent.message()));
  }
}

void Session::OnTurnEnd() {
  if (!abort_later_.empty() && stage_ == Stage::kOpen) {
    Abort(std::exchange(abort_later_, {}));
    return;
  }
  if (stage_ == Stage::kEnding) return EndSome();
  if (stage_ == Stage::kOver) return;
  quiet_ = Quiet::kNo;
  if (incoming_.is_under_way || !behind_.empty() || is_paused_) TakeWhatWaits();
  if (stage_ != Stage::kOpen) return;
  if (is_looking_) ReturnTheDead();
  ReturnAnswers();
  Flush();
  ChargeTables();
  if (connection_ != nullptr && holds_loop_ != is_needed()) {
    holds_loop_ = !holds_loop_;
    connection_->HoldLoop(holds_loop_);
  }
  host_.OnTraffic();
}

// The rest of a long message, and what came behind it.
void Session::TakeWhatWaits() {
  if (incoming_.is_under_way) {
    const Core::Paying paying(core_, payer_, static_cast<int64_t>(long_message_.size()));
    const absl::Status status = GoOnDecoding();
    if (!status.ok()) return Guilty(status);
  }
  if (incoming_.is_under_way) return host_.environment().AtTurnEnd(*this);
  if (core_.EventsOn(payer_) > limits_.events_high / 2) {
    // Turns make room; a loop that only looked would leave them no time.
    if (look_again_ == nullptr) {
      look_again_ = host_.environment().After(kLookAgainNs, [this] {
        look_again_.reset();
        host_.environment().AtTurnEnd(*this);
      });
    }
    return;
  }
  std::string().swap(long_message_);
  own_codec_.reset();
  if (!behind_.empty()) {
    // The framer borrows what it was given until it has asked for more.
    input_.swap(behind_);
    behind_.clear();
    TakeMore(input_);
    if (stage_ != Stage::kOpen || incoming_.is_under_way) return;
  }
  if (is_paused_ && core_.EventsOn(payer_) <= limits_.events_high) {
    is_paused_ = false;
    connection_->ResumeReading();
  }
}

// ---------------------------------------------------------------------------
// Garbage

void Session::LookForTheDead() {
  // To read what is held weakly while a mark runs is to keep it.
  if (stage_ != Stage::kOpen || heap().marking()) return;
  if (is_looking_) return host_.environment().AtTurnEnd(*this);
  if (!has_imports() && listeners_.size() == 0) return;
  if (young_collections_ == heap().young_collections() && cycles_ == heap().cycles()) return;
  young_collections_ = heap().young_collections();
  cycles_ = heap().cycles();
  is_looking_ = true;
  host_.environment().AtTurnEnd(*this);
}

// What nobody holds here any more goes back to the peer, as often as it came.
void Session::ReturnTheDead() {
  if (heap().marking()) return;  // is_looking_ stays: the next look goes on
  std::vector<GcEntry> dead;
  bool is_done = imports_.TakeDead(kLooksAtOnce, [&](const PositionTable::Entry& e) {
    // What comes by that position from now on is another promise.
    if (PositionTable::Entry* promise = promises_.Find(e.position)) promises_.Remove(promise);
    if (session_planted::Is(session_planted::kDeadNotReturned)) return;
    const uint64_t times = session_planted::Is(session_planted::kDeadReturnedTwice) ? 2 : 1;
    dead.push_back({e.position, times * e.count});
  });
  is_done &= promises_.TakeDead(kLooksAtOnce, [](const PositionTable::Entry&) {});
  is_done &= listeners_.TakeDead(kLooksAtOnce, [](const PositionTable::Entry&) {});
  is_done &= kept_answers_.TakeDead(
      kLooksAtOnce, [&](const PositionTable::Entry& e) { returned_.push_back(e.position); });
  if (!dead.empty()) WriteGcExports(dead, dialect_, out_);
  is_looking_ = !is_done;
  if (is_looking_) host_.environment().AtTurnEnd(*this);
}

// A message of its own wakes the peer: it goes with the next one, if that comes soon.
void Session::ReturnAnswers() {
  if (returned_.empty() || long_writes_ > 0) return;
  if (out_.size() + ParcelBytes() == 0 && !is_return_due_ && returned_.size() < kReturnedAtOnce) {
    if (return_soon_ == nullptr) {
      return_soon_ = host_.environment().After(kReturnSoonNs, [this] {
        return_soon_.reset();
        is_return_due_ = true;
        host_.environment().AtTurnEnd(*this);
      });
    }
    return;
  }
  is_return_due_ = false;
  WriteGcAnswers(returned_, dialect_, out_);
  returned_.clear();
}

void Session::ChargeTables() {
  const uint64_t bytes = exports_.bytes() + imports_.bytes() + promises_.bytes() +
                         answers_.bytes() + kept_answers_.bytes() + out_.bytes_held() +
                         framer_.bytes_held() + behind_.capacity() + long_message_.capacity() +
                         input_.capacity() + spent_counts_.capacity() * sizeof(uint64_t) +
                         (parcels_ == nullptr ? 0 : parcels_->bytes_held());
  if (bytes == bytes_.bytes()) return;
  const Core::Paying paying(core_, payer_);
  bytes_.Set(bytes);
}

void Session::RestIfQuiet() {
  if (stage_ != Stage::kOpen || quiet_ == Quiet::kRests) return;
  if (quiet_ == Quiet::kNo || incoming_.is_under_way || !behind_.empty() || is_paused_) {
    quiet_ = Quiet::kMaybe;
    return;
  }
  quiet_ = Quiet::kRests;
  own_codec_.reset();
  if (out_.size() == 0) out_.Rest();
  framer_.Rest();
  for (std::string* text : {&long_message_, &behind_, &input_}) std::string().swap(*text);
  exports_.Rest();
  for (PositionTable* table : {&imports_, &promises_, &answers_, &kept_answers_, &listeners_}) {
    table->Rest();
  }
  ChargeTables();
}

bool Session::SpendReceiveCount(uint64_t count) {
  const auto at = std::lower_bound(spent_counts_.begin(), spent_counts_.end(), count);
  if (at != spent_counts_.end() && *at == count) return false;
  if (spent_counts_.size() >= limits_.asks_max) return false;
  spent_counts_.insert(at, count);
  return true;
}

// ---------------------------------------------------------------------------
// The end

void Session::Guilty(const absl::Status& status) { Abort(std::string(status.message())); }

void Session::AbortLater(std::string reason) {
  if (abort_later_.empty()) abort_later_ = std::move(reason);
  host_.environment().AtTurnEnd(*this);
}

void Session::Abort(std::string_view reason) {
  if (stage_ != Stage::kOpen) return;
  Flush();
  WriteAbort(reason, dialect_.framing, out_);
  Flush();
  const std::string why(reason);
  connection_->Close(why);
  End(absl::AbortedError(why));
}

void Session::Disconnect(const absl::Status& why) {
  connection_ = nullptr;
  End(why);
}

// From now on nothing is written, and far refs are gone. What waits breaks in pieces.
void Session::End(const absl::Status& why) {
  if (stage_ != Stage::kOpen) return;
  stage_ = Stage::kEnding;
  why_ = why;
  FarCode::Of(far_code_).End();
  host_.OnEnding(*this);
  incoming_ = {};
  if (connection_ != nullptr) connection_->Close(std::string(why.message()));
  host_.environment().AtTurnEnd(*this);
}

void Session::EndNow() {
  Disconnect(absl::CancelledError("it was closed here"));
  while (stage_ == Stage::kEnding && BreakSome()) {
  }
  stage_ = Stage::kOver;
}

void Session::EndSome() {
  const bool more = BreakSome();
  host_.Wake();
  if (more) return host_.environment().AtTurnEnd(*this);
  stage_ = Stage::kOver;
  host_.OnEnded(*this, why_);
}

bool Session::BreakSome() {
  const Core::Paying paying(core_, payer_);
  const auto disconnect = [&](Value slot) {
    if (session_planted::Is(session_planted::kAskStaysAtEnd)) return;
    core_.Break(slot, core_.Reason("disconnected"));
  };
  bool more = exports_.Take(kEndedAtOnce, disconnect);
  if (!more) {
    more = promises_.Take(kEndedAtOnce, [&](const PositionTable::Entry&, Value promise) {
      if (promise.is_target()) disconnect(promise);
    });
  }
  if (!more) more = answers_.Take(kEndedAtOnce, [](const PositionTable::Entry&, Value) {});
  if (!more) more = imports_.Take(kEndedAtOnce, [](const PositionTable::Entry&, Value) {});
  if (!more) more = kept_answers_.Take(kEndedAtOnce, [](const PositionTable::Entry&, Value) {});
  return more;
}

}  // namespace vesicle
