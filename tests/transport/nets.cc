#include "tests/transport/nets.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#ifdef VESICLE_NETS_OF_LANES
#include "transport/host/lane_transport.h"
#endif
#include "transport/identity.h"
#include "transport/loop_environment.h"
#include "transport/memory.h"
#include "transport/pipe.h"
#include "transport/socket_address.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "transport/unix_socket.h"
#include "transport/virtual_environment.h"

namespace vesicle {

// --- ears and ends

void Ear::OnOpen() {
  CHECK_FALSE(busy);
  CHECK_FALSE(opened);
  CHECK(got.empty());
  opened = true;
  if (on_open) on_open();
}

void Ear::OnBytes(std::string_view bytes) {
  CHECK_FALSE(busy);
  CHECK_FALSE(closed);
  CHECK_FALSE(bytes.empty());
  got += bytes;
  ++calls;
  if (on_bytes) on_bytes(bytes);
}

void Ear::OnSendable() {
  CHECK_FALSE(busy);
  CHECK_FALSE(closed);
  ++sendable;
  if (on_sendable) on_sendable();
}

void Ear::OnClosed(const absl::Status& status) {
  CHECK_FALSE(busy);
  CHECK_FALSE(closed);
  closed = true;
  why = status;
  if (on_closed) on_closed();
}

absl::Status End::Send(std::string_view bytes) {
  ear.busy = true;
  const absl::Status status = connection->Send(bytes);
  ear.busy = false;
  return status;
}

void End::Close(std::string_view reason) {
  ear.busy = true;
  connection->Close(reason);
  ear.busy = false;
}

void End::Abort(std::string_view reason) {
  ear.busy = true;
  connection->Abort(reason);
  ear.busy = false;
}

std::string NetName(NetKind kind) {
  switch (kind) {
    case NetKind::kMemory:
      return "memory";
    case NetKind::kMemoryBad:
      return "memory, delaying and splitting";
    case NetKind::kTcp:
      return "tcp";
    case NetKind::kUnix:
      return "unix";
    case NetKind::kPipe:
      return "pipe";
    case NetKind::kTls:
      return "tls";
    case NetKind::kTlsOverMemory:
      return "tls over memory";
    case NetKind::kLanes:
      return "lanes";
    case NetKind::kLanesOneLoop:
      return "lanes in one loop";
  }
  return "";
}

uint64_t SeedFor(const std::string& what) {
  const char* given = std::getenv("VESICLE_SEED");
  const uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : 20;
  MESSAGE(what << ": VESICLE_SEED=" << seed);
  return seed;
}

std::string Pattern(size_t size, uint64_t seed) {
  SeededRandom random(seed);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(random.Next());
  return bytes;
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

namespace {

// --- what nets have in common

class AddressedNet : public Net {
 public:
  std::pair<std::unique_ptr<End>, std::unique_ptr<End>> Pair(const Limits& limits) override {
    auto one = std::make_unique<End>(), other = std::make_unique<End>();
    ListenOptions listening;
    listening.limits = limits;
    auto listener = server().Listen(free_address(), listening, [&](std::unique_ptr<Connection> c) {
      other->Take(std::move(c));
    });
    REQUIRE(listener.ok());
    ConnectOptions connecting;
    connecting.limits = limits;
    auto connection = client().Connect((*listener)->address(), connecting);
    REQUIRE(connection.ok());
    one->Take(*std::move(connection));
    REQUIRE(RunUntil([&] { return one->ear.opened && other->connection != nullptr; }));
    return {std::move(one), std::move(other)};
  }
};

// --- in memory

class MemoryNet : public AddressedNet {
 public:
  MemoryNet(const MemoryOptions& options, uint64_t seed)
      : world_(seed), network_(world_, options, seed) {}
  ~MemoryNet() override {
    while (world_.Step()) {
    }
    CHECK(network_.lines() == 0);
  }
  Environment& environment() override { return world_; }
  bool RunUntil(const std::function<bool()>& done) override {
    while (!done()) {
      if (!world_.Step()) return false;
    }
    return true;
  }
  Transport& client() override { return *client_; }
  Transport& server() override { return *server_; }
  std::string free_address() override { return "server:" + std::to_string(next_++); }
  std::string nobody_address() override { return "nobody"; }

 protected:
  VirtualEnvironment world_;
  MemoryNetwork network_;
  std::unique_ptr<Transport> client_ = network_.AddHost("client");
  std::unique_ptr<Transport> server_ = network_.AddHost("server");
  int next_ = 0;
};

// --- on a loop

// libuv keeps a pipe for signals from its first loop on.
size_t DescriptorsBefore() {
  static const bool had_a_loop = [] {
    uv_loop_t loop;
    return uv_loop_init(&loop) == 0 && uv_loop_close(&loop) == 0;
  }();
  REQUIRE(had_a_loop);
  return OpenDescriptors();
}

class LoopNet : public AddressedNet {
 public:
  LoopNet() : descriptors_(DescriptorsBefore()) {
    REQUIRE(uv_loop_init(&loop_) == 0);
    environment_ = std::make_unique<LoopEnvironment>(&loop_);
  }
  ~LoopNet() override {
    environment_.reset();
    uv_run(&loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop_) == 0);
    CHECK(OpenDescriptors() == descriptors_);
  }
  Environment& environment() override { return *environment_; }
  bool RunUntil(const std::function<bool()>& done) override {
    bool late = false;
    auto timer = environment_->After(int64_t{20'000'000'000}, [&] { late = true; });
    while (!done() && !late) uv_run(&loop_, UV_RUN_ONCE);
    return !late;
  }

 protected:
  size_t descriptors_;
  uv_loop_t loop_;
  std::unique_ptr<LoopEnvironment> environment_;
};

class TcpNet : public LoopNet {
 public:
  TcpNet() : tcp_(*environment_) {}
  Transport& client() override { return tcp_; }
  Transport& server() override { return tcp_; }
  std::string free_address() override { return "127.0.0.1:0"; }
  // A port that was ours a moment ago.
  std::string nobody_address() override {
    auto listener = tcp_.Listen("127.0.0.1:0", {}, [](std::unique_ptr<Connection>) {});
    return (*listener)->address();
  }

 protected:
  TcpTransport tcp_;
};

struct Folder {
  Folder() {
    char name[] = "/tmp/vesicle-net-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

class UnixNet final : public LoopNet {
 public:
  UnixNet() : transport_(*environment_) {}
  ~UnixNet() override { CHECK(std::filesystem::is_empty(folder_.path)); }
  Transport& client() override { return transport_; }
  Transport& server() override { return transport_; }
  std::string free_address() override { return folder_.path + "/s" + std::to_string(next_++); }
  std::string nobody_address() override { return folder_.path + "/nobody"; }
  bool tells_abort() const override { return false; }

 private:
  Folder folder_;
  UnixTransport transport_;
  int next_ = 0;
};

class PipeNet final : public LoopNet {
 public:
  std::pair<std::unique_ptr<End>, std::unique_ptr<End>> Pair(const Limits& limits) override {
    auto pair = SocketPair(*environment_, limits);
    REQUIRE(pair.ok());
    auto one = std::make_unique<End>(), other = std::make_unique<End>();
    one->Take(std::move(pair->first));
    other->Take(std::move(pair->second));
    return {std::move(one), std::move(other)};
  }
  bool tells_abort() const override { return false; }
  // A pair has no addresses.
  Transport& client() override { std::abort(); }
  Transport& server() override { std::abort(); }
  std::string free_address() override { std::abort(); }
  std::string nobody_address() override { std::abort(); }
};

// --- TLS

template <typename Below>
class TlsNet final : public Below {
 public:
  template <typename... Args>
  explicit TlsNet(const Args&... args) : Below(args...) {
    client_tls_ =
        *TlsTransport::Create(this->environment(), Below::client(), *Identity::Generate());
    server_tls_ =
        *TlsTransport::Create(this->environment(), Below::server(), *Identity::Generate());
  }
  Transport& client() override { return *client_tls_; }
  Transport& server() override { return *server_tls_; }

 private:
  std::unique_ptr<TlsTransport> client_tls_;
  std::unique_ptr<TlsTransport> server_tls_;
};

// --- lanes between VMs of one process

#ifdef VESICLE_NETS_OF_LANES
class LanesOneLoopNet final : public LoopNet {
 public:
  LanesOneLoopNet()
      : client_(*environment_, lanes_, "client"), server_(*environment_, lanes_, "server") {}
  Transport& client() override { return client_; }
  Transport& server() override { return server_; }
  std::string free_address() override { return "server:1"; }
  std::string nobody_address() override { return "nobody:1"; }

 private:
  LaneSwitch lanes_;
  LaneTransport client_;
  LaneTransport server_;
};

// Each end has a loop of its own, as VMs have; both are run by this thread, one round each, so
// that the same happens each time. Threads are lane_transport_test's.
class LanesNet final : public LoopNet {
 public:
  LanesNet() : client_(*environment_, lanes_, "client") {
    REQUIRE(uv_loop_init(&far_loop_) == 0);
    far_environment_ = std::make_unique<LoopEnvironment>(&far_loop_);
    // Lanes hold no loop.
    held_ = far_environment_->After(int64_t{3'600'000'000'000}, [] {});
    server_ = std::make_unique<LaneTransport>(*far_environment_, lanes_, "server");
  }
  ~LanesNet() override {
    held_.reset();
    server_.reset();
    far_environment_.reset();
    uv_run(&far_loop_, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&far_loop_) == 0);
  }
  bool RunUntil(const std::function<bool()>& done) override {
    bool late = false;
    auto timer = environment_->After(int64_t{20'000'000'000}, [&] { late = true; });
    while (!done() && !late) {
      uv_run(&loop_, UV_RUN_NOWAIT);
      uv_run(&far_loop_, UV_RUN_NOWAIT);
    }
    return !late;
  }
  Transport& client() override { return client_; }
  Transport& server() override { return *server_; }
  std::string free_address() override { return "server:1"; }
  std::string nobody_address() override { return "nobody:1"; }

 private:
  LaneSwitch lanes_;
  LaneTransport client_;
  uv_loop_t far_loop_;
  std::unique_ptr<LoopEnvironment> far_environment_;
  std::unique_ptr<Environment::Timer> held_;
  std::unique_ptr<LaneTransport> server_;
};
#endif

MemoryOptions BadMemory() {
  MemoryOptions options;
  options.delay_ns_max = 3'000'000;
  options.chunk_bytes_max = 1000;
  options.window_bytes = 5000;
  options.stalls_per_million = 10'000;
  options.stall_ns_max = 50'000'000;
  return options;
}

}  // namespace

std::unique_ptr<Net> MakeNet(NetKind kind, uint64_t seed) {
  switch (kind) {
    case NetKind::kMemory:
      return std::make_unique<MemoryNet>(MemoryOptions(), seed);
    case NetKind::kMemoryBad:
      return std::make_unique<MemoryNet>(BadMemory(), seed);
    case NetKind::kTcp:
      return std::make_unique<TcpNet>();
    case NetKind::kUnix:
      return std::make_unique<UnixNet>();
    case NetKind::kPipe:
      return std::make_unique<PipeNet>();
    case NetKind::kTls:
      return std::make_unique<TlsNet<TcpNet>>();
    case NetKind::kTlsOverMemory:
      return std::make_unique<TlsNet<MemoryNet>>(BadMemory(), seed);
#ifdef VESICLE_NETS_OF_LANES
    case NetKind::kLanes:
      return std::make_unique<LanesNet>();
    case NetKind::kLanesOneLoop:
      return std::make_unique<LanesOneLoopNet>();
#else
    case NetKind::kLanes:
    case NetKind::kLanesOneLoop:
      break;
#endif
  }
  std::abort();
}

}  // namespace vesicle
