#include "transport/memory.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/stream_connection.h"
#include "vm/heap/check.h"

namespace vesicle {

class MemoryConnection;

// A line between two connections; side 0 dialled. Lives until both sides are off it.
class MemoryLine : public std::enable_shared_from_this<MemoryLine> {
 public:
  MemoryLine(MemoryNetwork& network, MemoryNetwork::Link link)
      : network_(network), link_(std::move(link)), serial_(network.next_line_++) {
    network_.lines_.emplace(serial_, this);
  }
  ~MemoryLine() { network_.lines_.erase(serial_); }

  void Attach(int side, MemoryConnection* end) { ends_[side] = end; }
  MemoryConnection* end(int side) const { return ends_[side]; }
  // That side hears nothing any more. Reset: nor does the other get what is on the way.
  void Detach(int side, bool reset);

  // From `side` to the other: takes what fits in the window.
  size_t Push(int side, std::string_view bytes);
  void PushEnd(int side);
  // `side` reads on.
  void Wake(int side) { Schedule(Opposite(side)); }
  void WakeBoth() {
    Schedule(0);
    Schedule(1);
  }
  void Cut();

  const MemoryNetwork::Link& link() const { return link_; }
  uint64_t serial() const { return serial_; }

 private:
  // What goes from one side to the other.
  struct Lane {
    std::string bytes;  // on the way from `from` on
    size_t from = 0;
    bool ended = false;  // no more will come
    bool end_given = false;
    bool is_reset = false;  // its sender left without an end
    bool is_full = false;   // the sender was turned away
    std::unique_ptr<Environment::Timer> arrival;
    size_t size() const { return bytes.size() - from; }
  };

  static int Opposite(int side) { return 1 - side; }
  void Schedule(int side);
  void Arrive(int side);

  MemoryNetwork& network_;
  MemoryNetwork::Link link_;
  uint64_t serial_;
  std::array<MemoryConnection*, 2> ends_ = {nullptr, nullptr};
  std::array<Lane, 2> lanes_;  // by sender
};

class MemoryConnection final : public StreamConnection {
 public:
  MemoryConnection(MemoryNetwork& network, const Limits& limits, PeerInfo peer, State state)
      : StreamConnection(network.environment_, limits, std::move(peer), state), network_(network) {}
  ~MemoryConnection() override {
    if (state() != State::kClosed) Drop(Leave::kReset);
  }

  static std::unique_ptr<MemoryConnection> Accepted(MemoryNetwork& network, const Limits& limits,
                                                    const std::string& from,
                                                    const std::shared_ptr<MemoryLine>& line) {
    auto self =
        std::make_unique<MemoryConnection>(network, limits, PeerInfo{from, ""}, State::kOpen);
    self->Join(line, 1);
    return self;
  }
  static std::unique_ptr<MemoryConnection> ToConnect(MemoryNetwork& network, const Limits& limits,
                                                     const std::string& to) {
    return std::make_unique<MemoryConnection>(network, limits, PeerInfo{to, ""},
                                              State::kConnecting);
  }
  // As a client, to whoever listens at the address then.
  void Dial(std::string from, std::string to, int64_t deadline_ms);
  void Join(std::shared_ptr<MemoryLine> line, int side) {
    line_ = std::move(line);
    side_ = side;
    line_->Attach(side_, this);
  }

  bool reads() const { return is_reading(); }
  using StreamConnection::Lost;
  using StreamConnection::Received;
  using StreamConnection::ReceivedEnd;
  using StreamConnection::Writable;

 private:
  size_t Write(std::string_view bytes) override { return line_->Push(side_, bytes); }
  void EndWriting() override {
    line_->PushEnd(side_);
    EndWritten();
  }
  void SetReading(bool wanted) override {
    if (wanted && line_ != nullptr) line_->Wake(side_);
  }
  void Drop(Leave leave) override {
    timer_.reset();
    if (line_ != nullptr) line_->Detach(side_, leave == Leave::kReset);
    line_ = nullptr;
  }
  void Knock();

  MemoryNetwork& network_;
  std::shared_ptr<MemoryLine> line_;
  int side_ = 0;
  // While it connects.
  std::unique_ptr<Environment::Timer> timer_;
  std::string from_;
  std::string to_;
};

class MemoryListener final : public Listener {
 public:
  MemoryListener(MemoryNetwork& network, std::string host, std::string address,
                 const ListenOptions& options, AcceptFn on_accept)
      : network_(network),
        host_(std::move(host)),
        address_(std::move(address)),
        limits_(options.limits),
        on_accept_(std::move(on_accept)) {
    network_.listeners_.emplace(address_, this);
  }
  ~MemoryListener() override {
    if (was_destroyed_ != nullptr) *was_destroyed_ = true;
    network_.listeners_.erase(address_);
  }

  const std::string& address() const override { return address_; }
  const std::string& host() const { return host_; }

  // Gives the other side of the line to who listens, and may be destroyed by that.
  void Accept(const std::string& from, const std::shared_ptr<MemoryLine>& line) {
    bool was_destroyed = false;
    was_destroyed_ = &was_destroyed;
    AcceptFn accept = std::move(on_accept_);
    accept(MemoryConnection::Accepted(network_, limits_, from, line));
    if (was_destroyed) return;
    was_destroyed_ = nullptr;
    on_accept_ = std::move(accept);
  }

 private:
  MemoryNetwork& network_;
  std::string host_;
  std::string address_;
  Limits limits_;
  AcceptFn on_accept_;
  bool* was_destroyed_ = nullptr;  // while on_accept_ is called
};

class MemoryHost final : public Transport {
 public:
  MemoryHost(MemoryNetwork& network, std::string name)
      : network_(network), name_(std::move(name)) {}

  std::string_view name() const override { return "memory"; }
  bool stays_in_process() const override { return network_.options_.stays_in_process; }
  absl::StatusOr<std::unique_ptr<Listener>> Listen(const std::string& address,
                                                   const ListenOptions& options,
                                                   AcceptFn on_accept) override {
    if (address.empty()) return absl::InvalidArgumentError("an address has at least one letter");
    if (network_.listeners_.count(address) != 0) {
      return absl::AlreadyExistsError(absl::StrCat(address, ": somebody listens there"));
    }
    return std::make_unique<MemoryListener>(network_, name_, address, options,
                                            std::move(on_accept));
  }
  absl::StatusOr<std::unique_ptr<Connection>> Connect(const std::string& address,
                                                      const ConnectOptions& options) override {
    if (!options.designator.empty()) {
      return absl::FailedPreconditionError("a memory transport proves no designator");
    }
    if (address.empty()) return absl::InvalidArgumentError("an address has at least one letter");
    auto connection = MemoryConnection::ToConnect(network_, options.limits, address);
    connection->Dial(name_, address, options.deadline_ms);
    return connection;
  }

 private:
  MemoryNetwork& network_;
  std::string name_;
};

// --- connections

void MemoryConnection::Dial(std::string from, std::string to, int64_t deadline_ms) {
  from_ = std::move(from);
  to_ = std::move(to);
  StartDeadline(deadline_ms);
  timer_ = network_.environment_.After(network_.Delay(), [this] { Knock(); });
}

void MemoryConnection::Knock() {
  const auto found = network_.listeners_.find(to_);
  if (found == network_.listeners_.end()) {
    network_.Trace(0, MemoryNetwork::Traced::kRefused, to_);
    return Lost(absl::UnavailableError(absl::StrCat(to_, ": nobody listens there")));
  }
  MemoryListener& listener = *found->second;
  const MemoryNetwork::Link link = MemoryNetwork::LinkOf(from_, listener.host());
  if (network_.IsStalled(link)) {
    constexpr int64_t kKnockAgainNs = 10'000'000;
    timer_ = network_.environment_.After(kKnockAgainNs, [this] { Knock(); });
    return;
  }
  const auto line = std::make_shared<MemoryLine>(network_, link);
  network_.Trace(line->serial(), MemoryNetwork::Traced::kOpened, to_);
  Join(line, 0);
  listener.Accept(from_, line);
  if (line->end(0) != this) return;  // destroyed, or cut, by who accepted
  timer_ = network_.environment_.After(network_.Delay(), [this] { Opened(); });
}

// --- lines

void MemoryLine::Detach(int side, bool reset) {
  ends_[side] = nullptr;
  // Nobody takes what comes here any more.
  Lane& incoming = lanes_[Opposite(side)];
  incoming.bytes = std::string();
  incoming.from = 0;
  incoming.arrival.reset();
  if (!reset) return;
  Lane& outgoing = lanes_[side];
  outgoing.bytes = std::string();
  outgoing.from = 0;
  outgoing.is_reset = true;
  Schedule(side);
}

size_t MemoryLine::Push(int side, std::string_view bytes) {
  if (ends_[Opposite(side)] == nullptr) return bytes.size();  // it goes nowhere
  Lane& lane = lanes_[side];
  const size_t room = network_.options_.window_bytes - lane.size();
  const size_t taken = std::min(room, bytes.size());
  if (taken < bytes.size()) lane.is_full = true;
  if (lane.bytes.capacity() < BufferPool::kNewBytes) {
    lane.bytes = network_.environment_.buffers().Take();
  }
  lane.bytes.append(bytes.substr(0, taken));
  Schedule(side);
  return taken;
}

void MemoryLine::PushEnd(int side) {
  lanes_[side].ended = true;
  Schedule(side);
}

void MemoryLine::Cut() {
  const std::array<MemoryConnection*, 2> ends = std::exchange(ends_, {nullptr, nullptr});
  ++network_.cuts_;
  network_.Trace(serial_, MemoryNetwork::Traced::kCut, "");
  for (MemoryConnection* end : ends) {
    if (end != nullptr) end->Lost(absl::UnavailableError("the line was cut"));
  }
}

void MemoryLine::Schedule(int side) {
  Lane& lane = lanes_[side];
  MemoryConnection* to = ends_[Opposite(side)];
  if (to == nullptr || lane.arrival != nullptr || network_.IsStalled(link_)) return;
  if (!lane.is_reset) {
    const bool has_end = lane.ended && !lane.end_given;
    if (!to->reads() || (lane.size() == 0 && !has_end)) return;
  }
  lane.arrival = network_.environment_.After(network_.Delay(), [this, side] { Arrive(side); });
}

void MemoryLine::Arrive(int side) {
  const std::shared_ptr<MemoryLine> self = shared_from_this();
  Lane& lane = lanes_[side];
  lane.arrival.reset();
  MemoryConnection* to = ends_[Opposite(side)];
  if (to == nullptr || network_.IsStalled(link_)) return;
  if (lane.is_reset) {
    network_.Trace(serial_, MemoryNetwork::Traced::kReset, "");
    return to->Lost(absl::UnavailableError("the peer cut the line"));
  }
  if (!to->reads()) return;
  if (lane.size() == 0) {
    lane.end_given = true;
    network_.Trace(serial_, MemoryNetwork::Traced::kEnd, "");
    return to->ReceivedEnd();
  }
  if (network_.Happens(network_.options_.cuts_per_million)) return Cut();
  size_t count = lane.size();
  if (const size_t max = network_.options_.chunk_bytes_max; max != 0) {
    count = 1 + static_cast<size_t>(network_.Random(std::min(max, count)));
  }
  // Apart from the lane, which who receives may destroy.
  BufferPool& buffers = network_.environment_.buffers();
  std::string piece = buffers.Take();
  piece.assign(lane.bytes, lane.from, count);
  lane.from += count;
  if (lane.size() == 0) {
    buffers.Give(std::move(lane.bytes));
    lane.bytes = std::string();
    lane.from = 0;
  } else if (lane.from > lane.bytes.size() / 2) {
    lane.bytes.erase(0, lane.from);
    lane.from = 0;
  }
  network_.Trace(serial_, MemoryNetwork::Traced::kBytes, piece);
  std::ignore = to->Received(piece);
  buffers.Give(std::move(piece));
  if (lane.is_full && lane.size() <= network_.options_.window_bytes / 2) {
    lane.is_full = false;
    if (ends_[side] != nullptr) std::ignore = ends_[side]->Writable();
  }
  Schedule(side);
}

// --- the network

MemoryNetwork::MemoryNetwork(Environment& environment, const MemoryOptions& options, uint64_t seed)
    : environment_(environment), options_(options), random_(seed) {
  VESICLE_CHECK_LE(options.delay_ns_min, options.delay_ns_max);
  VESICLE_CHECK_GT(options.window_bytes, 0u);
}

MemoryNetwork::~MemoryNetwork() {
  VESICLE_CHECK(listeners_.empty());
  VESICLE_CHECK(lines_.empty());
}

std::unique_ptr<Transport> MemoryNetwork::AddHost(std::string name) {
  return std::make_unique<MemoryHost>(*this, std::move(name));
}

void MemoryNetwork::Stall(const std::string& one, const std::string& other) {
  stalled_.insert(LinkOf(one, other));
}

void MemoryNetwork::Resume(const std::string& one, const std::string& other) {
  const Link link = LinkOf(one, other);
  if (stalled_.erase(link) == 0) return;
  for (const auto& [serial, line] : lines_) {
    if (line->link() == link) line->WakeBoth();
  }
}

void MemoryNetwork::Cut(const std::string& one, const std::string& other) {
  const Link link = LinkOf(one, other);
  std::vector<std::shared_ptr<MemoryLine>> cut;
  for (const auto& [serial, line] : lines_) {
    if (line->link() == link) cut.push_back(line->shared_from_this());
  }
  for (const std::shared_ptr<MemoryLine>& line : cut) line->Cut();
}

MemoryNetwork::Link MemoryNetwork::LinkOf(const std::string& one, const std::string& other) {
  return one < other ? Link(one, other) : Link(other, one);
}

// The remainder is not quite even; nobody can tell with bounds this small.
uint64_t MemoryNetwork::Random(uint64_t below) { return random_.Next() % below; }

int64_t MemoryNetwork::Delay() {
  const auto spread = static_cast<uint64_t>(options_.delay_ns_max - options_.delay_ns_min);
  int64_t delay = options_.delay_ns_min;
  if (spread != 0) delay += static_cast<int64_t>(Random(spread + 1));
  if (options_.stall_ns_max > 0 && Happens(options_.stalls_per_million)) {
    delay += static_cast<int64_t>(Random(static_cast<uint64_t>(options_.stall_ns_max) + 1));
  }
  return delay;
}

// FNV-1a, 64 bits.
void MemoryNetwork::Trace(uint64_t line, Traced what, std::string_view bytes) {
  const auto mix = [this](uint64_t word) {
    for (int shift = 0; shift < 64; shift += 8) {
      trace_hash_ = (trace_hash_ ^ ((word >> shift) & 0xff)) * 0x100000001b3;
    }
  };
  mix(static_cast<uint64_t>(environment_.NowNs()));
  mix(line);
  mix(static_cast<uint64_t>(what));
  mix(bytes.size());
  for (const char c : bytes) {
    trace_hash_ = (trace_hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  }
}

}  // namespace vesicle
