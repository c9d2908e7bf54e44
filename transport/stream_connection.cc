#include "transport/stream_connection.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

StreamConnection::StreamConnection(Environment& environment, const Limits& limits, PeerInfo peer,
                                   State state)
    : environment_(environment), state_(state), limits_(limits), peer_(std::move(peer)) {
  VESICLE_CHECK_LE(limits_.send_low_bytes, limits_.send_high_bytes);
  VESICLE_CHECK_LE(limits_.send_high_bytes, limits_.send_bytes_max);
}

StreamConnection::~StreamConnection() {
  if (was_destroyed_ != nullptr) *was_destroyed_ = true;
  ForgetBuffer();
}

template <typename Fn>
bool StreamConnection::Tell(Fn fn) {
  bool was_destroyed = false;
  was_destroyed_ = &was_destroyed;
  fn();
  if (was_destroyed) return false;
  was_destroyed_ = nullptr;
  return true;
}

void StreamConnection::Start(ConnectionHandler* handler) {
  VESICLE_CHECK(handler_ == nullptr && handler != nullptr);
  handler_ = handler;
  environment_.AtTurnEnd(*this);
  UpdateReading();
}

absl::Status StreamConnection::Send(std::string_view bytes) {
  if (state_ > State::kOpen) return absl::FailedPreconditionError("the connection is closed");
  if (bytes.empty()) return absl::OkStatus();
  const size_t pending = waiting_bytes();
  if (bytes.size() > limits_.send_bytes_max || pending > limits_.send_bytes_max - bytes.size()) {
    return absl::ResourceExhaustedError(
        absl::StrCat(pending, " bytes wait to be sent to ", peer_.address, ", and ", bytes.size(),
                     " more would pass the limit of ", limits_.send_bytes_max));
  }
  if (out_.capacity() < BufferPool::kNewBytes) out_ = environment_.buffers().Take();
  if (out_.size() > last_write_from_ &&
      out_.size() - last_write_from_ + bytes.size() > limits_.write_bytes_max) {
    ends_.push_back(out_.size());
    last_write_from_ = out_.size();
  }
  out_.append(bytes);
  if (pending + bytes.size() >= limits_.send_high_bytes) is_over_ = true;
  if (state_ == State::kOpen) environment_.AtTurnEnd(*this);
  return absl::OkStatus();
}

void StreamConnection::PauseReading() {
  is_paused_ = true;
  UpdateReading();
}

void StreamConnection::ResumeReading() {
  is_paused_ = false;
  UpdateReading();
}

void StreamConnection::Close(std::string_view reason) {
  if (state_ > State::kOpen) return;
  const absl::Status why = absl::CancelledError(View(reason));
  if (state_ == State::kConnecting) return Finish(why, Leave::kReset);
  BeginClosing(why);
}

void StreamConnection::Abort(std::string_view reason) {
  Finish(absl::AbortedError(View(reason)), Leave::kReset);
}

void StreamConnection::StartDeadline(int64_t ms) {
  timer_ = environment_.After(ms * kNsPerMs, [this, ms] {
    Finish(absl::DeadlineExceededError(
               absl::StrCat("not connected to ", peer_.address, " within ", ms, " ms")),
           Leave::kReset);
  });
}

void StreamConnection::Opened(Announce announce) {
  VESICLE_CHECK(state_ == State::kConnecting);
  state_ = State::kOpen;
  timer_.reset();
  opened_untold_ = announce == Announce::kYes;
  environment_.AtTurnEnd(*this);
  UpdateReading();
}

StreamConnection::Next StreamConnection::Received(std::string_view bytes) {
  // After our Close() the rest is read, and dropped, so that unread bytes do not turn our end
  // into a reset, which would take the last message with it.
  if (state_ == State::kClosing) return peer_ended_ ? Next::kStop : Next::kMore;
  if (!is_reading_) return Next::kStop;
  // It connected in this turn: the handler hears that first.
  if (opened_untold_) {
    opened_untold_ = false;
    if (!Tell([&] { handler_->OnOpen(); })) return Next::kGone;
    if (state_ == State::kClosing) return Next::kMore;
    if (state_ == State::kClosed) return Next::kStop;
  }
  if (!Tell([&] { handler_->OnBytes(bytes); })) return Next::kGone;
  return is_reading_ ? Next::kMore : Next::kStop;
}

void StreamConnection::ReceivedEnd() {
  if (state_ == State::kClosed || peer_ended_) return;
  peer_ended_ = true;
  if (state_ != State::kClosing) {
    BeginClosing(absl::OkStatus());
  } else {
    UpdateReading();
    FinishIfBothEnded();
  }
}

bool StreamConnection::Writable() {
  Flush();
  return TellSendable();
}

void StreamConnection::EndWritten() {
  end_written_ = true;
  FinishIfBothEnded();
}

void StreamConnection::OnTurnEnd() {
  if (opened_untold_ && handler_ != nullptr) {
    opened_untold_ = false;
    if (!Tell([&] { handler_->OnOpen(); })) return;
  }
  Flush();
  if (state_ == State::kClosed && closed_untold_ && handler_ != nullptr) {
    closed_untold_ = false;
    // By value: it may destroy us.
    const absl::Status why = why_;
    handler_->OnClosed(why);
    return;
  }
  std::ignore = TellSendable();
}

void StreamConnection::Flush() {
  if (state_ != State::kOpen && state_ != State::kClosing) return;
  while (out_from_ < out_.size()) {
    const size_t end = next_end_ < ends_.size() ? ends_[next_end_] : out_.size();
    const size_t taken = Write(std::string_view(out_).substr(out_from_, end - out_from_));
    if (state_ == State::kClosed) return;
    out_from_ += taken;
    if (out_from_ == end && next_end_ < ends_.size()) ++next_end_;
    if (out_from_ < end) break;
  }
  if (out_from_ == out_.size()) {
    ForgetBuffer();
  } else if (out_from_ > limits_.write_bytes_max && out_from_ > out_.size() / 2) {
    // What went is cut off when it is the larger half: each byte is moved at most once.
    out_.erase(0, out_from_);
    ends_.erase(ends_.begin(), ends_.begin() + static_cast<std::ptrdiff_t>(next_end_));
    next_end_ = 0;
    for (size_t& end : ends_) end -= out_from_;
    last_write_from_ -= std::min(last_write_from_, out_from_);
    out_from_ = 0;
  }
  if (is_over_ && waiting_bytes() <= limits_.send_low_bytes) {
    is_over_ = false;
    sendable_untold_ = true;
  }
  if (state_ == State::kClosing && waiting_bytes() == 0 && !end_begun_) {
    end_begun_ = true;
    EndWriting();
  }
}

bool StreamConnection::TellSendable() {
  if (!sendable_untold_ || state_ != State::kOpen || handler_ == nullptr) return true;
  sendable_untold_ = false;
  // Over the mark again, from this turn.
  if (is_over_) return true;
  return Tell([&] { handler_->OnSendable(); });
}

void StreamConnection::BeginClosing(absl::Status why) {
  state_ = State::kClosing;
  why_ = std::move(why);
  timer_ = environment_.After(limits_.close_ms_max * kNsPerMs, [this] {
    Finish(
        absl::DeadlineExceededError(absl::StrCat(
            peer_.address, " did not end within ", limits_.close_ms_max, " ms of the close, with ",
            waiting_bytes(), " bytes still to be sent", why_.ok() ? "" : ": ", why_.message())),
        Leave::kReset);
  });
  UpdateReading();
  environment_.AtTurnEnd(*this);
}

void StreamConnection::UpdateReading() {
  const bool reading = (state_ == State::kOpen && handler_ != nullptr && !is_paused_) ||
                       (state_ == State::kClosing && !peer_ended_);
  if (reading == is_reading_) return;
  is_reading_ = reading;
  if (state_ != State::kClosed) SetReading(reading);
}

void StreamConnection::FinishIfBothEnded() {
  if (state_ != State::kClosing || !end_written_ || !peer_ended_) return;
  Finish(std::move(why_), Leave::kInOrder);
}

void StreamConnection::Finish(absl::Status why, Leave leave) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  why_ = std::move(why);
  is_reading_ = false;
  timer_.reset();
  ForgetBuffer();
  Drop(leave);
  environment_.AtTurnEnd(*this);
}

void StreamConnection::ForgetBuffer() {
  if (out_.capacity() >= BufferPool::kNewBytes) environment_.buffers().Give(std::move(out_));
  out_ = std::string();
  out_from_ = 0;
  ends_.clear();
  next_end_ = 0;
  last_write_from_ = 0;
}

}  // namespace vesicle
