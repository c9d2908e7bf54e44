// What is TCP's alone: no descriptors left, newcomers, names, warnings; and pipes to children.
#include "transport/tcp.h"

#include <doctest/doctest.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/transport/nets.h"
#include "transport/loop_environment.h"
#include "transport/pipe.h"
#include "transport/socket_address.h"
#include "transport/socket_listener.h"
#include "vm/heap/poison.h"

namespace vesicle {
namespace {

struct LoopWorld {
  LoopWorld() { REQUIRE(uv_loop_init(&loop) == 0); }
  ~LoopWorld() {
    environment.reset();
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
  }
  bool RunUntil(const std::function<bool()>& done, int64_t ms = 20'000) {
    bool late = false;
    const auto timer = environment->After(ms * 1'000'000, [&] { late = true; });
    while (!done() && !late) uv_run(&loop, UV_RUN_ONCE);
    return !late;
  }

  uv_loop_t loop;
  std::unique_ptr<LoopEnvironment> environment = nullptr;
};

struct TcpWorld : LoopWorld {
  TcpWorld() { environment = std::make_unique<LoopEnvironment>(&loop); }
};

int64_t ProcessorNs() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// A client that is not ours: a blocking socket, connected.
int RawClient(const std::string& address) {
  const SocketAddress to = *NumericAddress(*ParseHostAndPort(address));
  const int fd = socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(fd >= 0);
  REQUIRE(connect(fd, to.get(), to.size) == 0);
  return fd;
}

// Takes every descriptor but so many.
struct DescriptorFamine {
  explicit DescriptorFamine(size_t left) {
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    int fd = dup(0);
    REQUIRE(fd >= 0);
    // The limit is on the number; some lower ones may be free, too.
    rlimit few = before;
    few.rlim_cur = static_cast<rlim_t>(fd) + 20;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (; fd >= 0; fd = dup(0)) fds.push_back(fd);
    for (size_t i = 0; i < left; ++i) {
      close(fds.back());
      fds.pop_back();
    }
  }
  ~DescriptorFamine() {
    setrlimit(RLIMIT_NOFILE, &before);
    for (const int fd : fds) close(fd);
  }
  rlimit before;
  std::vector<int> fds;
};

}  // namespace

TEST_CASE(
    "tcp: out of descriptors, what cannot be accepted is dropped, and the loop does not spin") {
  TcpWorld world;
  TcpTransport tcp(*world.environment);
  std::vector<std::unique_ptr<End>> ends;
  auto listener = *tcp.Listen("127.0.0.1:0", {}, [&](std::unique_ptr<Connection> c) {
    ends.push_back(std::make_unique<End>());
    ends.back()->Take(std::move(c));
  });
  // The clients are connected by the system before anybody accepts them.
  std::vector<int> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(RawClient(listener->address()));
  {
    const DescriptorFamine famine(3);
    REQUIRE(world.RunUntil([&] { return listener->dropped() >= 5; }));
    CHECK(ends.size() == 3);
    CHECK(listener->dropped() == 5);
    // And then nothing: the loop sleeps. Much less than the time that goes by is spent.
    const int64_t before = ProcessorNs();
    int rounds = 0;
    bool over = false;
    const auto timer = world.environment->After(300'000'000, [&] { over = true; });
    while (!over) {
      uv_run(&world.loop, UV_RUN_ONCE);
      ++rounds;
    }
    CHECK(rounds < 50);
    CHECK(ProcessorNs() - before < 150'000'000);
    // A connection of our own is refused with the reason.
    End end;
    end.Take(*tcp.Connect(listener->address(), {}));
    REQUIRE(world.RunUntil([&] { return end.ear.closed; }));
    CHECK(absl::IsResourceExhausted(end.ear.why));
  }
  // There are descriptors again: so are there connections.
  const int client = RawClient(listener->address());
  REQUIRE(world.RunUntil([&] { return ends.size() == 4; }));
  close(client);
  for (const int fd : clients) close(fd);
}

TEST_CASE("tcp: a socket that is ready and yet cannot accept is left alone for a while") {
  TcpWorld world;
  const SocketAddress any = *NumericAddress({"127.0.0.1", 0});
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  REQUIRE(bind(fd, any.get(), any.size) == 0);
  REQUIRE(listen(fd, 8) == 0);
  auto listener = SocketListener::Create(*world.environment, fd, "broken", {},
                                         [](std::unique_ptr<Connection>) { FAIL("nobody"); });
  REQUIRE(listener.ok());
  // Readable from now on, and every accept is an error.
  REQUIRE(shutdown(fd, SHUT_RD) == 0);
  int rounds = 0;
  bool over = false;
  const auto timer = world.environment->After(350'000'000, [&] { over = true; });
  while (!over) {
    uv_run(&world.loop, UV_RUN_ONCE);
    ++rounds;
  }
  CHECK(rounds > 2);  // it looked again
  CHECK(rounds < 30);
}

TEST_CASE("tcp: newcomers that do not speak are bounded per address, and the oldest goes") {
  TcpWorld world;
  TcpTransport tcp(*world.environment);
  std::vector<std::unique_ptr<End>> ends;
  ListenOptions options;
  options.newcomers_per_address_max = 3;
  auto listener = *tcp.Listen("127.0.0.1:0", options, [&](std::unique_ptr<Connection> c) {
    ends.push_back(std::make_unique<End>());
    ends.back()->Take(std::move(c));
  });
  std::vector<int> clients;
  const auto connect = [&] {
    clients.push_back(RawClient(listener->address()));
    REQUIRE(world.RunUntil([&] { return ends.size() == clients.size(); }));
  };
  connect();
  ends[0]->connection->MarkAuthenticated();
  for (int i = 0; i < 5; ++i) connect();
  REQUIRE(world.RunUntil([&] { return ends[1]->ear.closed && ends[2]->ear.closed; }));
  CHECK(absl::IsResourceExhausted(ends[1]->ear.why));
  CHECK_FALSE(ends[0]->ear.closed);
  for (size_t i = 3; i < 6; ++i) CHECK_FALSE(ends[i]->ear.closed);
  // The bound is the sockets', not the listener's user's: what was closed has no descriptor.
  CHECK(static_cast<SocketListener&>(*listener).newcomers().size() == 3);
  for (const int fd : clients) close(fd);
}

TEST_CASE("tcp: a slow connection that says nothing stays no longer than its time") {
  TcpWorld world;
  TcpTransport tcp(*world.environment);
  End end;
  ListenOptions options;
  options.newcomer_ms_max = 30;
  auto listener = *tcp.Listen("127.0.0.1:0", options,
                              [&](std::unique_ptr<Connection> c) { end.Take(std::move(c)); });
  const int client = RawClient(listener->address());
  REQUIRE(world.RunUntil([&] { return end.ear.closed; }));
  CHECK(absl::IsDeadlineExceeded(end.ear.why));
  close(client);
}

TEST_CASE(
    "tcp: a connection that is never answered ends at its deadline, and a loop can go before") {
  TcpWorld world;
  TcpTransport tcp(*world.environment);
  // A listener that accepts nobody, with a queue of one: what comes later waits for an answer.
  const SocketAddress any = *NumericAddress({"127.0.0.1", 0});
  const int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(deaf, any.get(), any.size) == 0);
  REQUIRE(listen(deaf, 0) == 0);
  const std::string address = LocalAddress(deaf).Text();
  std::vector<std::unique_ptr<End>> fill;
  ConnectOptions options;
  options.deadline_ms = 200;
  for (int i = 0; i < 4; ++i) {
    fill.push_back(std::make_unique<End>());
    fill.back()->Take(*tcp.Connect(address, options));
  }
  REQUIRE(world.RunUntil([&] { return fill.back()->ear.closed; }));
  CHECK(absl::IsDeadlineExceeded(fill.back()->ear.why));
  CHECK_FALSE(fill.back()->ear.opened);
  close(deaf);
}

TEST_CASE("tcp: names are looked up; an unknown one is NotFound; each address needs the grant") {
  TcpWorld world;
  std::vector<std::string> looked_at;
  absl::Status verdict;
  TcpOptions options;
  options.may_connect = [&](const SocketAddress& address) {
    looked_at.push_back(address.Text());
    return verdict;
  };
  TcpTransport tcp(*world.environment, options);
  End server, client, refused, unknown, forgotten;
  auto listener = *tcp.Listen("127.0.0.1:0", {},
                              [&](std::unique_ptr<Connection> c) { server.Take(std::move(c)); });
  const std::string port = listener->address().substr(listener->address().rfind(':'));
  client.Take(*tcp.Connect("localhost" + port, {}));
  REQUIRE(world.RunUntil([&] { return client.ear.opened || client.ear.closed; }));
  CHECK(client.ear.opened);
  REQUIRE_FALSE(looked_at.empty());
  CHECK(looked_at.back() == listener->address());
  CHECK(client.connection->peer().address == listener->address());
  verdict = absl::PermissionDeniedError("not granted");
  refused.Take(*tcp.Connect("localhost" + port, {}));
  REQUIRE(world.RunUntil([&] { return refused.ear.closed; }));
  CHECK(refused.ear.why == verdict);
  forgotten.Take(*tcp.Connect("localhost" + port, {}));
  forgotten.connection.reset();
  // A label of 64 letters is no name anywhere.
  unknown.Take(*tcp.Connect(std::string(64, 'x') + ".invalid:1", {}));
  REQUIRE(world.RunUntil([&] { return unknown.ear.closed; }));
  CHECK_FALSE(unknown.ear.why.ok());
  CHECK_FALSE(absl::IsDeadlineExceeded(unknown.ear.why));
}

TEST_CASE("tcp: a connection that is told so does not hold the loop, but for what is under way") {
  TcpWorld world;
  auto pair = *SocketPair(*world.environment);
  End a, b;
  a.Take(std::move(pair.first));
  b.Take(std::move(pair.second));
  a.connection->HoldLoop(false);
  b.connection->HoldLoop(false);
  // Nothing is under way: this returns.
  uv_run(&world.loop, UV_RUN_DEFAULT);
  CHECK_FALSE(a.ear.closed);
  // What was sent goes, all of it, though the peer takes it in many turns.
  const std::string bytes = Pattern(2'000'000, 1);
  CHECK(a.Send(bytes).ok());
  uv_run(&world.loop, UV_RUN_DEFAULT);
  CHECK(a.connection->pending_bytes() == 0);
  a.Close();
  uv_run(&world.loop, UV_RUN_DEFAULT);
  CHECK(a.ear.closed);
  CHECK(b.ear.closed);
  CHECK(b.ear.got == bytes);
}

TEST_CASE("tcp: outside of this machine there is a warning, and none within") {
  TcpWorld world;
  std::vector<std::string> warnings;
  TcpOptions options;
  options.on_warning = [&](const std::string& text) { warnings.push_back(text); };
  TcpTransport tcp(*world.environment, options);
  const auto refuse = [](std::unique_ptr<Connection>) { FAIL("nobody connects"); };
  auto inside = *tcp.Listen("127.0.0.1:0", {}, refuse);
  CHECK(warnings.empty());
  auto outside = *tcp.Listen("0.0.0.0:0", {}, refuse);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("vesicle-tls") != std::string::npos);
}

TEST_CASE("addresses: text to socket and back, and whom newcomers are counted with") {
  for (const char* text : {"127.0.0.1:7000", "[::1]:80", "10.1.2.3:0"}) {
    CHECK(NumericAddress(*ParseHostAndPort(text))->Text() == text);
  }
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:", ":80", "[::1:80", "::1:80", "[]:80",
                           "a:65536", "a:-1", "a:1x", "a: 1"}) {
    CAPTURE(std::string(text));
    CHECK(absl::IsInvalidArgument(ParseHostAndPort(text).status()));
  }
  CHECK(absl::IsInvalidArgument(ParseHostAndPort(std::string("127.0.0.1\0.evil:80", 18)).status()));
  CHECK(absl::IsNotFound(NumericAddress({"localhost", 1}).status()));
  const auto group = [](const char* host) { return NumericAddress({host, 1})->Group(); };
  CHECK(group("10.0.0.1") != group("10.0.0.2"));
  CHECK(group("2001:db8::1") == group("2001:db8::ffff:1"));
  CHECK(group("2001:db8::1") != group("2001:db8:0:1::1"));
  CHECK(group("::ffff:10.0.0.1") == group("10.0.0.1"));
  CHECK(NumericAddress({"127.9.9.9", 1})->IsLoopback());
  CHECK(NumericAddress({"::1", 1})->IsLoopback());
  CHECK(NumericAddress({"::ffff:127.0.0.1", 1})->IsLoopback());
  CHECK_FALSE(NumericAddress({"0.0.0.0", 1})->IsLoopback());
  CHECK_FALSE(NumericAddress({"::ffff:10.0.0.1", 1})->IsLoopback());
  CHECK(UnixAddress("/tmp/x")->Text() == "unix:/tmp/x");
  CHECK(absl::IsInvalidArgument(UnixAddress(std::string(108, 'x')).status()));
}

#if !VESICLE_ASAN
TEST_CASE("tcp: an idle connection costs less than 1 KiB") {
  TcpWorld world;
  std::vector<std::unique_ptr<Connection>> all;
  std::vector<std::unique_ptr<Ear>> ears;
  const auto add = [&](int pairs) {
    for (int i = 0; i < pairs; ++i) {
      auto pair = *SocketPair(*world.environment);
      for (auto* connection : {&pair.first, &pair.second}) {
        ears.push_back(std::make_unique<Ear>());
        (*connection)->Start(ears.back().get());
        CHECK((*connection)->Send("hello").ok());
        all.push_back(std::move(*connection));
      }
    }
    REQUIRE(world.RunUntil([&] {
      return std::all_of(ears.begin(), ears.end(), [](auto& e) { return e->got == "hello"; });
    }));
  };
  add(20);
  // Beside the buffers that the pool keeps for the next.
  const auto used = [&] {
    return mallinfo2().uordblks - world.environment->buffers().kept_bytes();
  };
  const size_t before = used();
  add(500);
  const size_t each = (used() - before) / 1000 - sizeof(Ear);
  MESSAGE("bytes an idle connection: " << each);
  CHECK(each < 1024);
}
#endif

TEST_CASE("pipe: what is no connected stream socket is refused, and closed") {
  TcpWorld world;
  int fds[2];
  REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK(absl::IsInvalidArgument(AdoptSocket(*world.environment, fds[0], "packets").status()));
  char byte;
  CHECK(read(fds[1], &byte, 1) == 0);
  close(fds[1]);
  REQUIRE(pipe(fds) == 0);
  CHECK(absl::IsInvalidArgument(AdoptSocket(*world.environment, fds[0], "a pipe").status()));
  close(fds[1]);
}

TEST_CASE("pipe: a child process has the other end, and its exit is told") {
  TcpWorld world;
  ChildEnd ended;
  bool has_ended = false;
  auto spawned =
      SpawnWithPipe(*world.environment, {.file = "/bin/sh",
                                         .arguments = {"-c", "cat <&3 >&3; exit $ANSWER"},
                                         .environment = {"ANSWER=7", "PATH=/usr/bin:/bin"},
                                         .descriptors = {-1, 1, 2},
                                         .on_exit = [&](const ChildEnd& end) {
                                           ended = end;
                                           has_ended = true;
                                         }});
  REQUIRE(spawned.ok());
  CHECK(spawned->process->pid() > 0);
  End end;
  end.Take(*spawned->pipe->Connect("child", {}));
  CHECK(absl::IsUnavailable(spawned->pipe->Connect("child", {}).status()));
  const std::string bytes = Pattern(300'000, 1);
  CHECK(end.Send(bytes).ok());
  REQUIRE(world.RunUntil([&] { return end.ear.got.size() == bytes.size(); }));
  CHECK(end.ear.got == bytes);
  end.Close();
  REQUIRE(world.RunUntil([&] { return has_ended && end.ear.closed; }));
  CHECK(ended.ToString() == "exited with 7");
}

TEST_CASE("pipe: a child that is not wanted any more is killed, and waited for") {
  TcpWorld world;
  End end;
  int pid = 0;
  {
    auto spawned =
        SpawnWithPipe(*world.environment, {.file = "/bin/sh",
                                           .arguments = {"-c", "echo ready >&3; exec sleep 1000"},
                                           .environment = {"PATH=/usr/bin:/bin"}});
    REQUIRE(spawned.ok());
    pid = spawned->process->pid();
    end.Take(*spawned->pipe->Connect("child", {}));
    REQUIRE(world.RunUntil([&] { return end.ear.got == "ready\n"; }));
  }
  CHECK(kill(pid, 0) != 0);
  CHECK(errno == ESRCH);
  REQUIRE(world.RunUntil([&] { return end.ear.closed; }));
  end.connection.reset();
}

TEST_CASE("pipe: what cannot be started says why") {
  TcpWorld world;
  const auto spawn = [&](const std::string& file) {
    return SpawnWithPipe(*world.environment, {.file = file}).status();
  };
  CHECK(absl::IsNotFound(spawn("/nowhere/at/all")));
  CHECK(absl::IsPermissionDenied(spawn("/etc/passwd")));
  CHECK(absl::IsPermissionDenied(spawn("/etc")));
  CHECK(absl::IsInvalidArgument(spawn("sh")));
}

}  // namespace vesicle
