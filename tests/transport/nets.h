// Nets: one world for each transport, so that one conformance test speaks to all of them.
//
//   for (const NetKind kind : kAllNets) {
//     CAPTURE(NetName(kind));
//     const std::unique_ptr<Net> net = MakeNet(kind, seed);
//     auto [a, b] = net->Pair();
//     REQUIRE(net->RunUntil([&] { return ...; }));
//   }
#ifndef VESICLE_TESTS_TRANSPORT_NETS_H_
#define VESICLE_TESTS_TRANSPORT_NETS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "transport/environment.h"
#include "transport/transport.h"

namespace vesicle {

// A handler that keeps everything it hears, and checks the order of it.
class Ear final : public ConnectionHandler {
 public:
  void OnOpen() override;
  void OnBytes(std::string_view bytes) override;
  void OnSendable() override;
  void OnClosed(const absl::Status& why) override;

  bool opened = false;
  bool closed = false;
  absl::Status why;
  std::string got;
  int calls = 0;      // of OnBytes
  int sendable = 0;   // of OnSendable
  bool busy = false;  // a function of the connection is being called: nothing may be heard
  std::function<void()> on_open;
  std::function<void(std::string_view)> on_bytes;
  std::function<void()> on_sendable;
  std::function<void()> on_closed;
};

// A connection and who listens to it.
struct End {
  Ear ear;
  std::unique_ptr<Connection> connection;

  void Take(std::unique_ptr<Connection> c) {
    connection = std::move(c);
    connection->Start(&ear);
  }
  absl::Status Send(std::string_view bytes);
  void Close(std::string_view reason = "done");
  void Abort(std::string_view reason = "enough");
};

enum class NetKind : uint8_t {
  kMemory,
  kMemoryBad,
  kTcp,
  kUnix,
  kPipe,
  kTls,
  kTlsOverMemory,
  kLanes,         // two loops, run by one thread in turns
  kLanesOneLoop,  // which sleeps, and is woken
};
#ifdef VESICLE_NETS_OF_LANES  // in a program of its own: lanes stand above the other transports
inline constexpr NetKind kAllNets[] = {NetKind::kLanes, NetKind::kLanesOneLoop};
inline constexpr NetKind kAddressedNets[] = {NetKind::kLanes, NetKind::kLanesOneLoop};
#else
inline constexpr NetKind kAllNets[] = {NetKind::kMemory,       NetKind::kMemoryBad, NetKind::kTcp,
                                       NetKind::kUnix,         NetKind::kPipe,      NetKind::kTls,
                                       NetKind::kTlsOverMemory};
// Those with addresses.
inline constexpr NetKind kAddressedNets[] = {NetKind::kMemory, NetKind::kMemoryBad,
                                             NetKind::kTcp,    NetKind::kUnix,
                                             NetKind::kTls,    NetKind::kTlsOverMemory};
#endif
std::string NetName(NetKind kind);

// Whatever is made of a Net goes before it. Its end checks that no handle, descriptor or line is
// left.
class Net {
 public:
  virtual ~Net() = default;
  virtual Environment& environment() = 0;
  // Lets things happen until `done`; false when nothing is left to happen, or 20 s passed.
  virtual bool RunUntil(const std::function<bool()>& done) = 0;
  // Two connected ends, started.
  virtual std::pair<std::unique_ptr<End>, std::unique_ptr<End>> Pair(const Limits& limits = {}) = 0;

  // --- of those with addresses
  virtual Transport& client() = 0;
  virtual Transport& server() = 0;
  virtual std::string free_address() = 0;    // to listen at
  virtual std::string nobody_address() = 0;  // nobody listens there
  // Whether an Abort() is told from an end there.
  virtual bool tells_abort() const { return true; }
};

std::unique_ptr<Net> MakeNet(NetKind kind, uint64_t seed);

// Prints it; VESICLE_SEED=n replays.
uint64_t SeedFor(const std::string& what);
// Bytes that tell where they belong.
std::string Pattern(size_t size, uint64_t seed);
size_t OpenDescriptors();

}  // namespace vesicle

#endif  // VESICLE_TESTS_TRANSPORT_NETS_H_
