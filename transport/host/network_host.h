// NetworkHost: a VM on the network: it has a key, listens, and is connected to others. One object
// for what a host otherwise puts together: a VM on a loop with its time, the environment, TCP, TLS
// and the Network, made in order and ended in order.
//
// What is exported is reached by a locator, a text that nobody can guess (captp/locator.h); what is
// fetched is an ActorRef as those at home, of which the listed methods can be called.
//
// Ownership: owns all of it; a VM and its loop may also be its host's, and outlive it. Destroying
//            it ends all sessions at once: what was asked over them breaks, Unavailable.
// Threads:   that of the loop. One VM on all cores, or several: transport/host/host.h.
// Limits:    NetworkHostOptions: of the VM, of the network (NetworkOptions).
//
//   auto host = NetworkHost::Create({.identity = *Identity::Load("vesicle.key")});
//   (*host)->Listen("0.0.0.0:7000");
//   std::string locator = *(*host)->Export((*host)->vm().Spawn<Lobby>());
//   (*host)->loop().Run();
//   // elsewhere
//   absl::StatusOr<ActorRef<Lobby>> lobby = (*other)->Await((*other)->Fetch<Lobby>(locator));
//   lobby->Tell(&Lobby::Greet, "Ada");
#ifndef VESICLE_TRANSPORT_HOST_NETWORK_HOST_H_
#define VESICLE_TRANSPORT_HOST_NETWORK_HOST_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/identity.h"
#include "transport/loop_environment.h"
#include "transport/session/network.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "vm/loop/loop_time.h"
#include "vm/loop/vm_loop.h"
#include "vm/native/typed/actor.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct NetworkHostOptions {
  // As whom it is known. None: a key of this run alone.
  std::optional<Identity> identity = {};
  // kPlain: TCP as it is, for tests: nothing is encrypted, and nobody is who he says.
  enum class Line : uint8_t { kTls, kPlain };
  Line line = Line::kTls;
  TcpOptions tcp = {};
  TlsOptions tls = {};
  // `own` is filled in. How peers are dealt with, and their limits.
  NetworkOptions network = {};

  // --- of a VM that it makes
  VmOptions vm = {};
  // What its scripts can name beyond the core; null: nothing. With membranes: AddMembranes.
  Vm::Builtins builtins = nullptr;
  // `host_loop`: several of them on one loop, or on that of the host.
  VmLoop::Options loop = {};
};

class NetworkHost {
 public:
  // With a VM of its own, on a loop of its own unless options.loop says otherwise, whose time
  // tasks have. Unavailable: the system gave no loop, or OpenSSL no randomness; ResourceExhausted:
  // OpenSSL had no memory.
  static absl::StatusOr<std::unique_ptr<NetworkHost>> Create(NetworkHostOptions options = {});
  // For the VM of that loop, whose time it leaves as it is. Both outlive it.
  static absl::StatusOr<std::unique_ptr<NetworkHost>> Create(VmLoop& loop,
                                                             NetworkHostOptions options = {});
  ~NetworkHost();
  NetworkHost(const NetworkHost&) = delete;
  NetworkHost& operator=(const NetworkHost&) = delete;

  Vm& vm() { return loop_->vm(); }
  VmLoop& loop() { return *loop_; }
  Network& network() { return *network_; }
  // What locators name it by.
  const std::string& designator() const { return identity_.designator(); }

  // "HOST:PORT" with a host in numbers; port 0 for one that the system chooses. The address that it
  // listens at, which keeps the loop running. Errors as those of transport.h.
  absl::StatusOr<std::string> Listen(const std::string& address) {
    return network_->Listen(address);
  }

  // A locator of the actor from now on. FailedPrecondition: it does not listen.
  template <typename T>
  absl::StatusOr<std::string> Export(const ActorRef<T>& ref) {
    return Export(ref.value());
  }
  absl::StatusOr<std::string> Export(Value ref);
  // With a swiss number of the host's, a secret of 1 to 256 bytes: the same locator whenever it
  // runs by the same identity at the same address. AlreadyExists: something is exported so.
  template <typename T>
  absl::StatusOr<std::string> ExportAs(std::string_view swiss, const ActorRef<T>& ref) {
    return ExportAs(swiss, ref.value());
  }
  absl::StatusOr<std::string> ExportAs(std::string_view swiss, Value ref);
  // Of a text that Export gave. False: nothing is exported so. Who has fetched it keeps it.
  bool Retract(std::string_view locator);

  // What the locator means. To be awaited by a task, or .Then(..):
  //   InvalidArgument     it is no locator of an object, or the object is of another class
  //   FailedPrecondition  it is of another kind of line
  //   PermissionDenied    we may not connect there, or the peer's rules deny it
  //   Unavailable         nobody is there, or it is another one, or the line broke
  //   Aborted             the peer has no such object
  // .Early() takes calls at once (asked.h).
  template <typename T>
  Asked<ActorRef<T>> Fetch(std::string_view locator) {
    const absl::StatusOr<Root> promise = Dial(locator);
    if (!promise.ok()) return Asked<ActorRef<T>>(promise.status());
    return Asked<ActorRef<T>>(vm().actors(), promise->value(), {nullptr, nullptr, 0, "Fetch"});
  }
  // The same without a class: a promise that takes messages at once. The first three errors.
  absl::StatusOr<Root> Dial(std::string_view locator);

  // --- for who has nothing else to do: a `main`, a test. Outside of turns
  // Runs the loop, and all that share it. False: nothing can happen any more, or loop().Stop().
  bool RunUntil(absl::FunctionRef<bool()> is_done);
  // Runs it until the answer is there. Unavailable, too: nothing is left that could answer.
  template <typename T>
  typename Asked<T>::Result Await(Asked<T> asked);

  // Says goodbye to all peers, with the reason, and listens no more. Runs the loop for what is left
  // to send, a moment.
  void Close(std::string_view reason);

 private:
  struct Own;
  NetworkHost(std::unique_ptr<Own> own, VmLoop& loop, Identity identity, TcpOptions tcp);
  static absl::StatusOr<std::unique_ptr<NetworkHost>> Make(std::unique_ptr<Own> own, VmLoop& loop,
                                                           NetworkHostOptions options);

  std::unique_ptr<Own> own_;  // null: they are the host's
  VmLoop* loop_;
  Identity identity_;
  LoopEnvironment environment_;
  TcpTransport tcp_;
  std::unique_ptr<TlsTransport> tls_;
  std::unique_ptr<Network> network_;
};

// ---------------------------------------------------------------------------

template <typename T>
typename Asked<T>::Result NetworkHost::Await(Asked<T> asked) {
  using Outcome = typename Asked<T>::Result;
  // Shared: where nothing answered the callback is still there.
  auto outcome = std::make_shared<std::optional<Outcome>>();
  std::move(asked).Then([outcome](Outcome o) { *outcome = std::move(o); });
  if (!RunUntil([&] { return outcome->has_value(); })) {
    return absl::UnavailableError("nothing is left that could answer");
  }
  return **std::move(outcome);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_HOST_NETWORK_HOST_H_
