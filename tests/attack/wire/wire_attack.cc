// wire_attack: a server, its honest peers, and those who mean it no good, each a process of its
// own. wire_attack.sh puts them together.
//
//   wire_attack serve [NEWCOMER_MS]      offers an echo over plain TCP; prints HOST:PORT; ends with
//                                        its input, and says what is left
//   wire_attack honest ADDRESS PEERS MS  so many peers ask the echo all the time
//   wire_attack flood ADDRESS CONNECTIONS MESSAGES    shake hands, and say so many malformed things
//   wire_attack slow ADDRESS CONNECTIONS MS           never say a whole hello
//   wire_attack deaf ADDRESS MS          asks for much, and never reads
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "transport/captp/bootstrap.h"
#include "transport/captp/handshake.h"
#include "transport/captp/operation.h"
#include "transport/loop_environment.h"
#include "transport/session/network.h"
#include "transport/tcp.h"
#include "transport/virtual_environment.h"
#include "vm/heap/check.h"
#include "vm/random/random.h"
#include "vm/value/bytes.h"

namespace vesicle {
namespace {

constexpr std::string_view kSwiss = "echo";
constexpr std::string_view kTransport = "tcp-testing-only";
constexpr int64_t kNsPerMs = 1'000'000;

void RaiseDescriptorLimit() {
  rlimit limit;
  VESICLE_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

struct Loop {
  Loop() { VESICLE_CHECK(uv_loop_init(&uv) == 0); }
  uv_loop_t uv;
};

// What a server and honest peers stand on.
struct Host {
  Loop loop;
  Vm vm;
  LoopEnvironment environment{&loop.uv};
  TcpTransport tcp{environment};

  std::unique_ptr<Network> Join(NetworkOptions options) {
    return std::make_unique<Network>(vm, environment, tcp, std::move(options), [] {});
  }
  // Waits where nothing is to be done.
  void RunUntil(const std::function<bool()>& is_done) {
    while (!is_done()) {
      const bool more = vm.RunSlice(10'000);
      uv_run(&loop.uv, more ? UV_RUN_NOWAIT : UV_RUN_ONCE);
    }
  }
};

void Serve(int64_t newcomer_ms) {
  Host host;
  NetworkOptions options;
  options.own.name = {std::string(kTransport), "server"};
  options.listen = {
      .newcomers_max = 15'000, .newcomers_per_address_max = 15'000, .newcomer_ms_max = newcomer_ms};
  const std::unique_ptr<Network> network = host.Join(std::move(options));
  const absl::StatusOr<std::string> at = network->Listen("127.0.0.1:0");
  VESICLE_CHECK(at.ok());
  const Root echo = host.vm.Create([](Turn& turn) { turn.Reply(turn.message()); });
  VESICLE_CHECK(network->OfferAs(kSwiss, echo.value()).ok());
  std::printf("%s\n", at->c_str());
  std::fflush(stdout);
  bool is_over = false;
  uv_poll_t input;
  input.data = &is_over;
  VESICLE_CHECK(uv_poll_init(&host.loop.uv, &input, 0) == 0);
  uv_poll_start(&input, UV_READABLE | UV_DISCONNECT,
                [](uv_poll_t* poll, int, int) { *static_cast<bool*>(poll->data) = true; });
  host.RunUntil([&] { return is_over; });
  VESICLE_CHECK(host.vm.core().heap().Verify() == nullptr);
  size_t exports = 0;
  for (const Network::PeerState& peer : network->Peers()) exports += peer.counts.exports;
  std::printf("sessions %zu exports %zu\n", network->sessions(), exports);
  std::fflush(stdout);
  std::_Exit(0);
}

// ---------------------------------------------------------------------------

struct HonestPeer {
  HonestPeer(Host& host, int number) {
    NetworkOptions options;
    options.own.name = {std::string(kTransport), absl::StrCat("honest", number, "-", getpid())};
    network = host.Join(std::move(options));
  }
  std::unique_ptr<Network> network;
  Root echo;
  int64_t asked = 0;
  uint64_t asked_at = 0;
};

void Honest(const std::string& address, int peers, int64_t ms) {
  Host host;
  Vm& vm = host.vm;
  Locator at;
  at.peer.name = {std::string(kTransport), "server"};
  const size_t colon = address.rfind(':');
  at.peer.hints = {{"host", address.substr(0, colon)}, {"port", address.substr(colon + 1)}};
  at.swiss = std::string(kSwiss);
  std::vector<std::unique_ptr<HonestPeer>> all;
  std::vector<HonestPeer*> due;
  for (int i = 0; i < peers; ++i) {
    all.push_back(std::make_unique<HonestPeer>(host, i));
    HonestPeer& peer = *all.back();
    peer.echo = Root(vm.core().heap(), vm.core().NewPromise());
    VESICLE_CHECK(peer.network->Fetch(at, peer.echo.value()).ok());
    due.push_back(&peer);
  }
  std::vector<uint64_t> took;
  uint64_t first_ns = 0;
  const uint64_t begin = uv_hrtime();
  const uint64_t end = begin + static_cast<uint64_t>(ms * kNsPerMs);
  uv_timer_t tick;
  uv_timer_init(&host.loop.uv, &tick);
  uv_timer_start(
      &tick, [](uv_timer_t*) {}, 10, 10);
  host.RunUntil([&] {
    const std::vector<HonestPeer*> now = std::exchange(due, {});
    for (HonestPeer* peer : now) {
      const std::string text = absl::StrCat("from ", peer - all[0].get(), " number ", ++peer->asked,
                                            std::string(40, '.'));
      peer->asked_at = uv_hrtime();
      vm.Ask(peer->echo, vm.Bytes(text), [&, peer, text](const Reply& reply) {
        if (!reply.ok() || !IsBytes(reply.value()) || BytesView(reply.value()) != text) {
          std::printf("an echo is not what was said\n");
          std::exit(1);
        }
        took.push_back(uv_hrtime() - peer->asked_at);
        if (first_ns == 0) first_ns = uv_hrtime() - begin;
        due.push_back(peer);
      });
    }
    return uv_hrtime() >= end;
  });
  // Every one of them was served.
  for (const auto& peer : all) {
    if (peer->asked < 2) {
      std::printf("a peer was not served\n");
      std::exit(1);
    }
  }
  std::sort(took.begin(), took.end());
  const auto us = [&](double share) {
    return took[static_cast<size_t>(share * static_cast<double>(took.size() - 1))] / 1000;
  };
  std::printf("echoes %zu first_us %llu p50_us %llu p99_us %llu\n", took.size(),
              static_cast<unsigned long long>(first_ns / 1000),
              static_cast<unsigned long long>(us(0.5)), static_cast<unsigned long long>(us(0.99)));
  std::fflush(stdout);
  std::_Exit(0);
}

// ---------------------------------------------------------------------------
// The others use sockets, and no session.

int Connect(const std::string& address) {
  const size_t colon = address.rfind(':');
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(address.c_str() + colon + 1)));
  inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// Each with a key of its own.
std::string HelloOf(const std::string& name) {
  static uint64_t seed = static_cast<uint64_t>(getpid()) << 32;
  VirtualEnvironment environment(++seed);
  Handshake handshake({.side = Handshake::Side::kDialled}, environment, [] {});
  PeerLocator own;
  own.name = {std::string(kTransport), name};
  own.hints = {{"host", "127.0.0.1"}, {"port", "9"}};
  syrup::Writer out;
  VESICLE_CHECK(handshake.Start(own, out).ok());
  return std::string(out.bytes());
}

// One of many kinds that are wrong in themselves or here.
void WriteMalformed(SeededRandom& random, bool may_be_fatal, syrup::Writer& out) {
  const Dialect dialect;
  const uint64_t n = random.Next();
  const uint64_t position = (n >> 8) % 1000;
  if (may_be_fatal) {
    out.BeginMessage();
    out.BeginRecord("op:deliver");
    out.Int(static_cast<int64_t>(position));
    out.EndRecord();
    out.EndMessage();
    return;
  }
  Deliver deliver = {.to = {Descriptor::Kind::kExport, 0}};
  deliver.resolver = Descriptor{Descriptor::Kind::kImportObject, 1 + position};
  BeginDeliver(deliver, dialect, out);
  switch (n % 4) {
    case 0:
      WriteFetch(std::string(32, static_cast<char>(n >> 16)), out);
      break;
    case 1:  // no such method
      out.BeginList();
      out.Symbol("fetch-all");
      out.Int(1);
      out.EndList();
      break;
    case 2:  // a number instead of bytes
      out.BeginList();
      out.Symbol("fetch");
      out.Int(static_cast<int64_t>(position));
      out.EndList();
      break;
    default:
      out.BeginList();
      out.Symbol("deposit-gift");
      out.EndList();
      break;
  }
  EndDeliver(deliver, dialect, out);
}

// Sends as much as is taken, and reads what comes, of many connections at a time.
void Flood(const std::string& address, int connections, int messages) {
  RaiseDescriptorLimit();
  SeededRandom random(1);
  constexpr int kPerRound = 10;
  struct Line {
    int fd;
    int said = 0;
    std::string waiting;
  };
  std::vector<Line> lines;
  for (int i = 0; i < connections; ++i) {
    const int fd = Connect(address);
    if (fd < 0) continue;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    lines.push_back({fd, 0, HelloOf(absl::StrCat("mallory", i))});
  }
  int64_t said = 0;
  int ended = 0;
  std::vector<char> buffer(1 << 16);
  const auto end = [&](Line& line) {
    close(line.fd);
    line.fd = -1;
    ++ended;
  };
  while (std::any_of(lines.begin(), lines.end(), [](const Line& l) { return l.fd >= 0; })) {
    for (Line& line : lines) {
      if (line.fd < 0) continue;
      ssize_t size;
      while ((size = recv(line.fd, buffer.data(), buffer.size(), 0)) > 0) {
        const std::string_view heard(buffer.data(), static_cast<size_t>(size));
        if (const size_t at = heard.find("op:abort"); at != heard.npos && line.said < messages) {
          std::printf("ended early: %s\n", std::string(heard.substr(at, 120)).c_str());
        }
      }
      if (size == 0 || (errno != EAGAIN && errno != EINTR)) {
        end(line);
        continue;
      }
      if (line.waiting.empty() && line.said < messages) {
        syrup::Writer out;
        for (int i = 0; i < kPerRound && line.said < messages; ++i, ++line.said, ++said) {
          WriteMalformed(random, line.said == messages - 1, out);
        }
        line.waiting = std::string(out.bytes());
      }
      const ssize_t sent = send(line.fd, line.waiting.data(), line.waiting.size(), MSG_NOSIGNAL);
      if (sent > 0) line.waiting.erase(0, static_cast<size_t>(sent));
    }
  }
  std::printf("connections %zu said %lld ended %d\n", lines.size(), static_cast<long long>(said),
              ended);
}

void Slow(const std::string& address, int connections, int64_t ms) {
  RaiseDescriptorLimit();
  const std::string hello = HelloOf("snail");
  std::vector<pollfd> lines;
  for (int i = 0; i < connections; ++i) {
    const int fd = Connect(address);
    if (fd >= 0) lines.push_back({fd, POLLIN, 0});
  }
  const size_t opened = lines.size();
  std::printf("opened %zu\n", opened);
  std::fflush(stdout);
  const uint64_t until = uv_hrtime() + static_cast<uint64_t>(ms * kNsPerMs);
  size_t next = 0;
  while (uv_hrtime() < until && !lines.empty()) {
    for (pollfd& line : lines) {
      (void)send(line.fd, hello.data() + next % hello.size(), 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    ++next;
    usleep(200'000);
    poll(lines.data(), lines.size(), 0);
    std::erase_if(lines, [](const pollfd& line) {
      if (line.revents == 0) return false;
      close(line.fd);
      return true;
    });
  }
  std::printf("closed %zu\n", opened - lines.size());
}

void Deaf(const std::string& address, int64_t ms) {
  const int fd = Connect(address);
  VESICLE_CHECK(fd >= 0);
  syrup::Writer out;
  const Dialect dialect;
  Deliver fetch = {.to = {Descriptor::Kind::kExport, 0}, .answer = 1};
  BeginDeliver(fetch, dialect, out);
  WriteFetch(kSwiss, out);
  EndDeliver(fetch, dialect, out);
  std::string all = HelloOf("deaf") + std::string(out.bytes());
  out.Clear();
  const std::string load(10'000, 'x');
  Deliver ask = {.to = {Descriptor::Kind::kAnswer, 1}};
  ask.resolver = Descriptor{Descriptor::Kind::kImportObject, 1};
  BeginDeliver(ask, dialect, out);
  out.BeginList();
  out.Bytes(load);
  out.EndList();
  EndDeliver(ask, dialect, out);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  const uint64_t until = uv_hrtime() + static_cast<uint64_t>(ms * kNsPerMs);
  int64_t asked = 0;
  while (uv_hrtime() < until) {
    if (all.empty()) {
      all = std::string(out.bytes());
      ++asked;
    }
    const ssize_t sent = send(fd, all.data(), all.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      all.erase(0, static_cast<size_t>(sent));
    } else if (errno != EAGAIN) {
      break;
    } else {
      usleep(1000);
    }
  }
  std::printf("asked %lld\n", static_cast<long long>(asked));
}

}  // namespace
}  // namespace vesicle

int main(int argc, char** argv) {
  using namespace vesicle;
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return std::atoi(argv[i]); };
  if (what == "serve") {
    RaiseDescriptorLimit();
    Serve(argc > 2 ? number(2) : 30'000);
  }
  if (what == "serve-few") Serve(30'000);
  if (what == "honest" && argc == 5) Honest(argv[2], number(3), number(4));
  if (what == "flood" && argc == 5) return Flood(argv[2], number(3), number(4)), 0;
  if (what == "slow" && argc == 5) return Slow(argv[2], number(3), number(4)), 0;
  if (what == "deaf" && argc == 4) return Deaf(argv[2], number(3)), 0;
  std::fprintf(stderr, "see the first lines of wire_attack.cc\n");
  return 2;
}
