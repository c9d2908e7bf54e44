// The works of the wire, each between this process and one that it makes.
#ifndef VESICLE_TESTS_BENCH_WIRE_H_
#define VESICLE_TESTS_BENCH_WIRE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "transport/identity.h"
#include "transport/loop_environment.h"
#include "transport/session/network.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "vm/heap/check.h"
#include "vm/native/vm.h"

namespace vesicle::bench {

constexpr int64_t kUnderWay = 1000;

void Result(const std::string& what, double value);
inline void Must(int error) { VESICLE_CHECK(error == 0); }

// One VM's place on a network, with a name of its own.
struct WirePeer {
  WirePeer(Vm& vm, LoopEnvironment& environment, bool is_tls) : tcp(environment) {
    NetworkOptions options;
    const absl::StatusOr<Identity> identity = Identity::Generate();
    VESICLE_CHECK(identity.ok());
    Transport* transport = &tcp;
    if (is_tls) {
      auto made = TlsTransport::Create(environment, tcp, *identity);
      VESICLE_CHECK(made.ok());
      tls = *std::move(made);
      transport = tls.get();
    }
    options.own.name = {std::string(transport->name()), identity->designator()};
    network = std::make_unique<Network>(vm, environment, *transport, std::move(options));
  }
  TcpTransport tcp;
  std::unique_ptr<TlsTransport> tls;
  std::unique_ptr<Network> network;
};

// 64 bytes there and back by libuv alone, as wire.ves does it.
void RawWire(int64_t asks);
// What wire.ves does, by behaviors in C++.
void NativeWire(int64_t asks);
// Resident bytes a session, of the side that was connected to.
void IdleWire(bool is_tls, int64_t sessions);

}  // namespace vesicle::bench

#endif  // VESICLE_TESTS_BENCH_WIRE_H_
