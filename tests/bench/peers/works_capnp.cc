// The works of tests/bench/peers.sh about membranes and about the wire, as users of Cap'n Proto
// write them: servers behind `capnp::membrane`, called in one process on the event loop of KJ; a
// server of `EzRpcServer` in a process of its own, called over the loopback. For Debian's 0.9.
//
//   capnp compile -oc++:OUT --src-prefix=tests/bench/peers tests/bench/peers/walls.capnp
//   g++ -O2 -std=c++17 -I OUT works_capnp.cc OUT/walls.capnp.c++ -lcapnp-rpc -lcapnp -lkj-async
//   -lkj
//   ./works_capnp walls 1000000 100000
#include <capnp/capability.h>
#include <capnp/ez-rpc.h>
#include <capnp/membrane.h>
#include <kj/async.h>
#include <kj/debug.h>
#include <kj/vector.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "walls.capnp.h"

namespace {

constexpr int kRounds = 5;

double NowNs() {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                 std::chrono::steady_clock::now().time_since_epoch())
                                 .count());
}

template <typename Fn>
double TimedNs(Fn fn) {
  const double from = NowNs();
  fn();
  return NowNs() - from;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void Result(const char* what, double value) { std::printf("RESULT %s %.6g\n", what, value); }

double ResidentBytes() {
  long size = 0, pages = 0;
  std::FILE* statm = std::fopen("/proc/self/statm", "r");
  if (statm == nullptr || std::fscanf(statm, "%ld %ld", &size, &pages) != 2) std::abort();
  std::fclose(statm);
  return static_cast<double>(pages) * 4096;
}

class GuestServer final : public Guest::Server {
 protected:
  kj::Promise<void> poke(PokeContext) override { return kj::READY_NOW; }
};

class DeskServer final : public Desk::Server {
 protected:
  kj::Promise<void> get(GetContext context) override {
    context.getResults().setN(1);
    return kj::READY_NOW;
  }
  kj::Promise<void> meet(MeetContext context) override {
    context.getParams().getA();
    context.getParams().getB();
    return kj::READY_NOW;
  }
  kj::Promise<void> take(TakeContext context) override {
    context.getParams().getGuest();
    return kj::READY_NOW;
  }
  kj::Promise<void> guests(GuestsContext context) override {
    const uint32_t count = context.getParams().getCount();
    auto list = context.getResults().initList(count);
    for (uint32_t i = 0; i < count; ++i) list.set(i, kj::heap<GuestServer>());
    return kj::READY_NOW;
  }
};

// Lets everything by until it is revoked.
class Wall final : public capnp::MembranePolicy, public kj::Refcounted {
 public:
  Wall() : Wall(kj::newPromiseAndFulfiller<void>()) {}
  kj::Maybe<capnp::Capability::Client> inboundCall(uint64_t, uint16_t,
                                                   capnp::Capability::Client) override {
    return nullptr;
  }
  kj::Maybe<capnp::Capability::Client> outboundCall(uint64_t, uint16_t,
                                                    capnp::Capability::Client) override {
    return nullptr;
  }
  kj::Own<MembranePolicy> addRef() override { return kj::addRef(*this); }
  kj::Maybe<kj::Promise<void>> onRevoked() override { return revoked_.addBranch(); }
  void Revoke() { fulfiller_->reject(KJ_EXCEPTION(DISCONNECTED, "revoked")); }

 private:
  explicit Wall(kj::PromiseFulfillerPair<void> pair)
      : revoked_(pair.promise.fork()), fulfiller_(kj::mv(pair.fulfiller)) {}
  kj::ForkedPromise<void> revoked_;
  kj::Own<kj::PromiseFulfiller<void>> fulfiller_;
};

void Get(kj::WaitScope& scope, Desk::Client& desk, int64_t n) {
  for (int64_t i = 0; i < n; ++i) desk.getRequest().send().wait(scope);
}

void Meet(kj::WaitScope& scope, Desk::Client& desk, Guest::Client a, Guest::Client b, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    auto request = desk.meetRequest();
    request.setA(a);
    request.setB(b);
    request.send().wait(scope);
  }
}

void Cross(kj::WaitScope& scope, Desk::Client& desk, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    auto request = desk.takeRequest();
    request.setGuest(kj::heap<GuestServer>());
    request.send().wait(scope);
  }
}

void Walls(int64_t n, int64_t proxies) {
  kj::EventLoop loop;
  kj::WaitScope scope(loop);
  const double messages = static_cast<double>(n);

  Desk::Client plain = kj::heap<DeskServer>();
  auto wall = kj::refcounted<Wall>();
  Desk::Client walled = capnp::membrane(plain, wall->addRef());
  Guest::Client a = kj::heap<GuestServer>(), b = kj::heap<GuestServer>();
  std::vector<double> ask, times, refs;
  for (int i = 0; i < kRounds; ++i) {
    const double plain_ns = TimedNs([&] { Get(scope, plain, n); }) / messages;
    ask.push_back(TimedNs([&] { Get(scope, walled, n); }) / messages);
    times.push_back(ask.back() / plain_ns);
    refs.push_back(TimedNs([&] { Meet(scope, walled, a, b, n); }) / messages);
  }
  Result("walls_ask_ns", Median(ask));
  Result("walls_ask_x", Median(times));
  Result("walls_ask_refs_ns", Median(refs));

  Cross(scope, walled, n);
  const double from = ResidentBytes();
  Result("walls_cross_ns", TimedNs([&] { Cross(scope, walled, n); }) / messages);
  Result("walls_cross_bytes", (ResidentBytes() - from) / messages);

  auto request = walled.guestsRequest();
  request.setCount(static_cast<uint32_t>(proxies));
  auto held = request.send().wait(scope);
  kj::Vector<Guest::Client> guests;
  for (Guest::Client guest : held.getList()) guests.add(kj::mv(guest));
  Result("walls_revoke_ms", TimedNs([&] {
                              wall->Revoke();
                              loop.run();
                            }) / 1e6);
  const bool is_cut = guests.back()
                          .pokeRequest()
                          .send()
                          .then([](auto&&) { return false; }, [](kj::Exception&&) { return true; })
                          .wait(scope);
  if (!is_cut) std::abort();
  std::fflush(stdout);
  std::_Exit(0);
}

// ---------------------------------------------------------------------------

constexpr int64_t kUnderWay = 1000;

kj::ArrayPtr<const kj::byte> Text() {
  static const std::string text(64, 'x');
  return kj::ArrayPtr<const char>(text.data(), text.size()).asBytes();
}

class WireServer final : public Wire::Server {
 protected:
  kj::Promise<void> echo(EchoContext context) override {
    context.getResults().setText(context.getParams().getText());
    return kj::READY_NOW;
  }
  kj::Promise<void> note(NoteContext) override { return kj::READY_NOW; }
  kj::Promise<void> itself(ItselfContext context) override {
    context.getResults().setWire(thisCap());
    return kj::READY_NOW;
  }
};

kj::Promise<void> Echoes(Wire::Client desk, int64_t n) {
  if (n == 0) return kj::READY_NOW;
  auto request = desk.echoRequest();
  request.setText(Text());
  return request.send().then([desk, n](auto&&) mutable { return Echoes(kj::mv(desk), n - 1); });
}

kj::Promise<void> Chains(Wire::Client desk, int64_t n) {
  if (n == 0) return kj::READY_NOW;
  auto request = desk.itselfRequest().send().getWire().echoRequest();
  request.setText(Text());
  return request.send().then([desk, n](auto&&) mutable { return Chains(kj::mv(desk), n - 1); });
}

// There is no message without an answer: so many are under way.
kj::Promise<void> Notes(Wire::Client desk, int64_t n) {
  if (n == 0) return kj::READY_NOW;
  auto request = desk.noteRequest();
  request.setText(Text());
  return request.send().then([desk, n](auto&&) mutable { return Notes(kj::mv(desk), n - 1); });
}

template <typename Fn>
kj::Promise<void> InParallel(Wire::Client& desk, int64_t n, Fn fn) {
  kj::Vector<kj::Promise<void>> all;
  for (int64_t i = 0; i < kUnderWay; ++i) all.add(fn(desk, n / kUnderWay));
  return kj::joinPromises(all.releaseAsArray());
}

void WireWork(int64_t n) {
  int ends[2];
  if (pipe(ends) != 0) std::abort();
  const pid_t child = fork();
  if (child == 0) {
    capnp::EzRpcServer server(kj::heap<WireServer>(), "127.0.0.1:0");
    kj::WaitScope& scope = server.getWaitScope();
    const unsigned port = server.getPort().wait(scope);
    if (write(ends[1], &port, sizeof port) != sizeof port) std::abort();
    kj::NEVER_DONE.wait(scope);
  }
  unsigned port = 0;
  if (read(ends[0], &port, sizeof port) != sizeof port) std::abort();
  {
    capnp::EzRpcClient client(std::string("127.0.0.1:" + std::to_string(port)).c_str());
    kj::WaitScope& scope = client.getWaitScope();
    Wire::Client desk = client.getMain<Wire>();
    Echoes(desk, 10).wait(scope);
    const auto per = [](double ns, int64_t count) { return ns / static_cast<double>(count); };
    const int64_t one = n / 10;
    Result("wire_one_ns", per(TimedNs([&] { Echoes(desk, one).wait(scope); }), one));
    Result("wire_many_ns", per(TimedNs([&] { InParallel(desk, n, Echoes).wait(scope); }), n));
    Result("wire_tell_ns", per(TimedNs([&] { InParallel(desk, n, Notes).wait(scope); }), n));
    Result("wire_chain_ns", per(TimedNs([&] { InParallel(desk, n, Chains).wait(scope); }), n));
  }
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string work = argc > 1 ? argv[1] : "";
  if (work == "walls" && argc == 4) Walls(std::atoll(argv[2]), std::atoll(argv[3]));
  if (work != "wire" || argc != 3) return 2;
  WireWork(std::atoll(argv[2]));
}
