#include "transport/host/lane_transport.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "transport/stream_connection.h"
#include "vm/heap/check.h"

namespace vesicle {
namespace {

// Of one batch: whole Sends only.
constexpr size_t kBatchBytesMax = size_t{64} << 10;

Limits ForLanes(Limits limits) {
  limits.write_bytes_max = kBatchBytesMax;
  return limits;
}

// "vm1:1": what stands before the colon.
absl::StatusOr<std::string> NameIn(const std::string& address) {
  const size_t colon = address.find(':');
  if (colon == 0 || colon == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat(address, " is no address of a VM in this process; one looks like vm1:1"));
  }
  return address.substr(0, colon);
}

inline void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

// ---------------------------------------------------------------------------

class LaneConnection final : public StreamConnection {
 public:
  LaneConnection(LaneTransport& transport, std::shared_ptr<LaneLine> line, int side,
                 const Limits& limits)
      : StreamConnection(transport.environment_, ForLanes(limits),
                         PeerInfo{line->names[1 - side], line->names[1 - side]},
                         side == 0 ? State::kConnecting : State::kOpen),
        transport_(transport),
        line_(std::move(line)),
        side_(side) {
    transport_.connections_.push_back(this);
  }
  ~LaneConnection() override {
    if (state() != State::kClosed) Drop(Leave::kReset);
  }
  using StreamConnection::StartDeadline;

  // Takes what came. False: something is left, for whom does not read.
  bool Take();

 private:
  Lane& in() { return line_->lanes[1 - side_]; }
  Lane& out() { return line_->lanes[side_]; }
  LaneMailbox& peer_mailbox() { return *line_->mailboxes[1 - side_]; }

  size_t Write(std::string_view bytes) override;
  void EndWriting() override {
    out().SetEnd(Lane::End::kInOrder);
    peer_mailbox().Knock();
    EndWritten();
  }
  void SetReading(bool wanted) override {
    if (wanted) transport_.LookAgain();
  }
  void Drop(Leave leave) override;

  LaneTransport& transport_;
  std::shared_ptr<LaneLine> line_;
  int side_;
  bool is_full_ = false;  // the lane out
  bool end_given_ = false;
};

size_t LaneConnection::Write(std::string_view bytes) {
  if (line_->is_gone[1 - side_].load(std::memory_order_acquire)) return bytes.size();
  if (!out().Push(bytes)) {
    // Either we see room now, or the receiver sees that we want some.
    line_->wants_room[side_].store(true, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!out().Push(bytes)) {
      is_full_ = true;
      return 0;
    }
  }
  peer_mailbox().Knock();
  return bytes.size();
}

void LaneConnection::Drop(Leave leave) {
  const auto at = std::find(transport_.connections_.begin(), transport_.connections_.end(), this);
  if (at != transport_.connections_.end()) *at = nullptr;
  line_->is_gone[side_].store(true, std::memory_order_release);
  out().SetEnd(leave == Leave::kReset ? Lane::End::kReset : Lane::End::kInOrder);
  peer_mailbox().Knock();
}

bool LaneConnection::Take() {
  // It outlives us, whatever the handler does.
  const std::shared_ptr<LaneLine> line = line_;
  if (state() == State::kConnecting) {
    switch (line->state.load(std::memory_order_acquire)) {
      case LaneLine::State::kDialled:
        break;
      case LaneLine::State::kAccepted:
        Opened();
        break;
      case LaneLine::State::kRefused:
        Lost(absl::UnavailableError(absl::StrCat(peer().address, ": nobody listens there")));
        return true;
    }
  }
  Lane& lane = in();
  const Lane::End end = lane.end();
  if (end == Lane::End::kReset) {
    Lost(absl::UnavailableError("the other VM has ended it"));
    return true;
  }
  // Before anything is read, and also when nothing is: each may wait for the other to take some.
  if (is_full_) {
    is_full_ = false;
    if (!Writable() || state() == State::kClosed) return true;
  }
  LaneMailbox& sender = peer_mailbox();
  std::atomic<bool>& wants_room = line->wants_room[1 - side_];
  for (size_t taken = 0; const std::string* batch = lane.Front(); ++taken) {
    if (!is_reading()) return false;
    // A sender that is faster than we are does not keep the loop from its other work.
    if (taken == Lane::kBatches) {
      transport_.LookAgain();
      return false;
    }
    const Next next = Received(*batch);
    lane.Pop();
    // Behind the room that there is now: see Write.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (wants_room.load(std::memory_order_relaxed) && wants_room.exchange(false)) sender.Knock();
    if (next == Next::kGone) return true;
    if (state() == State::kClosed) return true;
  }
  if (end == Lane::End::kInOrder && !end_given_) {
    if (!is_reading()) return false;
    end_given_ = true;
    ReceivedEnd();
  }
  return true;
}

class LaneListener final : public Listener {
 public:
  LaneListener(LaneTransport& transport, std::string address, const Limits& limits,
               AcceptFn on_accept)
      : transport_(transport),
        address_(std::move(address)),
        limits_(limits),
        on_accept_(std::move(on_accept)) {}
  ~LaneListener() override {
    if (was_destroyed_ != nullptr) *was_destroyed_ = true;
    transport_.listener_ = nullptr;
  }
  const std::string& address() const override { return address_; }

  // May be destroyed by that.
  void Accept(std::shared_ptr<LaneLine> line) {
    bool was_destroyed = false;
    was_destroyed_ = &was_destroyed;
    AcceptFn accept = std::move(on_accept_);
    accept(std::make_unique<LaneConnection>(transport_, std::move(line), 1, limits_));
    if (was_destroyed) return;
    was_destroyed_ = nullptr;
    on_accept_ = std::move(accept);
  }

 private:
  LaneTransport& transport_;
  std::string address_;
  Limits limits_;
  AcceptFn on_accept_;
  bool* was_destroyed_ = nullptr;  // while on_accept_ is called
};

// ---------------------------------------------------------------------------

LaneTransport::LaneTransport(LoopEnvironment& environment, LaneSwitch& lanes, std::string name,
                             Options options)
    : environment_(environment),
      lanes_(lanes),
      name_(std::move(name)),
      options_(std::move(options)),
      mailbox_(lanes.Add(name_)) {
  VESICLE_CHECK(mailbox_ != nullptr);
  uv_loop_t* loop = environment.uv();
  VESICLE_CHECK_EQ(wake_.Init(loop, uv_async_init, UvHandle<uv_async_t>::Fire), 0);
  VESICLE_CHECK_EQ(before_wait_.Init(loop, uv_prepare_init), 0);
  VESICLE_CHECK_EQ(after_wait_.Init(loop, uv_check_init), 0);
  VESICLE_CHECK_EQ(no_wait_.Init(loop, uv_idle_init), 0);
  before_wait_.set_callback([this] { BeforeWait(); });
  after_wait_.set_callback([this] { AfterWait(); });
  wake_.Unref();
  before_wait_.Unref();
  after_wait_.Unref();
  uv_prepare_start(before_wait_.get(), UvHandle<uv_prepare_t>::Fire);
  uv_check_start(after_wait_.get(), UvHandle<uv_check_t>::Fire);
  mailbox_->SetWake(wake_.get());
}

LaneTransport::~LaneTransport() {
  lanes_.Remove(name_);
  mailbox_->SetWake(nullptr);
  for (const std::shared_ptr<LaneLine>& line : mailbox_->TakeLines()) {
    line->state.store(LaneLine::State::kRefused, std::memory_order_release);
    line->mailboxes[0]->Knock();
  }
}

absl::StatusOr<std::unique_ptr<Listener>> LaneTransport::Listen(const std::string& address,
                                                                const ListenOptions& options,
                                                                AcceptFn on_accept) {
  const absl::StatusOr<std::string> name = NameIn(address);
  if (!name.ok()) return name.status();
  if (*name != name_) {
    return absl::PermissionDeniedError(absl::StrCat(*name, " is another VM: this one is ", name_));
  }
  if (listener_ != nullptr) {
    return absl::AlreadyExistsError(absl::StrCat(address, ": somebody listens there"));
  }
  auto listener =
      std::make_unique<LaneListener>(*this, address, options.limits, std::move(on_accept));
  listener_ = listener.get();
  return listener;
}

absl::StatusOr<std::unique_ptr<Connection>> LaneTransport::Connect(const std::string& address,
                                                                   const ConnectOptions& options) {
  const absl::StatusOr<std::string> name = NameIn(address);
  if (!name.ok()) return name.status();
  if (!options.designator.empty() && options.designator != *name) {
    return absl::UnauthenticatedError(
        absl::StrCat(*name, " is not ", options.designator, ", which was asked for"));
  }
  auto line = std::make_shared<LaneLine>();
  line->names = {name_, *name};
  std::shared_ptr<LaneMailbox> mailbox = lanes_.Find(*name);
  const bool is_there = mailbox != nullptr;
  line->mailboxes = {mailbox_, is_there ? std::move(mailbox) : mailbox_};
  auto connection = std::make_unique<LaneConnection>(*this, line, 0, options.limits);
  connection->StartDeadline(options.deadline_ms);
  if (!is_there || !line->mailboxes[1]->Leave(line)) {
    line->state.store(LaneLine::State::kRefused, std::memory_order_release);
    LookAgain();
  }
  return connection;
}

void LaneTransport::Accept(std::shared_ptr<LaneLine> line) {
  const bool is_wanted = listener_ != nullptr;
  line->state.store(is_wanted ? LaneLine::State::kAccepted : LaneLine::State::kRefused,
                    std::memory_order_release);
  line->mailboxes[0]->Knock();
  if (is_wanted) listener_->Accept(std::move(line));
}

void LaneTransport::LookAgain() {
  look_again_ = true;
  uv_idle_start(no_wait_.get(), UvHandle<uv_idle_t>::Fire);
}

bool LaneTransport::Take() {
  const uint64_t knocks = mailbox_->knocks();
  if (knocks == seen_ && !look_again_) return false;
  if (options_.on_arrival) options_.on_arrival();
  seen_ = knocks;
  look_again_ = false;
  for (std::shared_ptr<LaneLine>& line : mailbox_->TakeLines()) Accept(std::move(line));
  bool is_all = true;
  // By number: a handler may make more of them, and end any.
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (connections_[i] != nullptr) is_all &= connections_[i]->Take();
  }
  std::erase(connections_, nullptr);
  if (is_all) mailbox_->SetTaken(knocks);
  return true;
}

void LaneTransport::BeforeWait() {
  bool has_taken = Take();
  if (options_.spin_ns > 0 && uv_backend_timeout(environment_.uv()) != 0) {
    // Where there is no core for both, whoever is waited for is let go on after a moment.
    constexpr int kLooksPerClock = 32;
    constexpr uint64_t kAloneNs = 2'000;
    const uint64_t from = uv_hrtime();
    for (uint64_t now = from; mailbox_->knocks() == seen_; now = uv_hrtime()) {
      if (now - from > static_cast<uint64_t>(options_.spin_ns)) break;
      for (int i = 0; i < kLooksPerClock && mailbox_->knocks() == seen_; ++i) Relax();
      if (now - from > kAloneNs) std::this_thread::yield();
    }
    has_taken |= Take();
  }
  // Whoever waits for something is to see it.
  if (has_taken) return (void)uv_idle_start(no_wait_.get(), UvHandle<uv_idle_t>::Fire);
  mailbox_->SetAsleep(true);
  if (mailbox_->knocks() != seen_ || look_again_) {
    mailbox_->SetAsleep(false);
    LookAgain();
  }
}

void LaneTransport::AfterWait() {
  mailbox_->SetAsleep(false);
  uv_idle_stop(no_wait_.get());
  Take();
}

void LaneTransport::WaitForKnock() {
  wake_.Ref();
  uv_run(environment_.uv(), UV_RUN_ONCE);
  wake_.Unref();
}

}  // namespace vesicle
