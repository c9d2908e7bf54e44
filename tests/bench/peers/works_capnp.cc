// The work of tests/bench/peers.sh about membranes, as users of Cap'n Proto write it: servers
// behind `capnp::membrane`, called in one process on the event loop of KJ. For Debian's 0.9.
//
//   capnp compile -oc++:OUT --src-prefix=tests/bench/peers tests/bench/peers/walls.capnp
//   g++ -O2 -std=c++17 -I OUT works_capnp.cc OUT/walls.capnp.c++ -lcapnp-rpc -lcapnp -lkj-async
//   -lkj
//   ./works_capnp walls 1000000 100000
#include <capnp/capability.h>
#include <capnp/membrane.h>
#include <kj/async.h>
#include <kj/debug.h>
#include <kj/vector.h>

#include <algorithm>
#include <chrono>
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

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || std::string(argv[1]) != "walls") return 2;
  Walls(std::atoll(argv[2]), std::atoll(argv[3]));
}
