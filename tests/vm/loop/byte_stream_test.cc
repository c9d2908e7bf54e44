// Streams of bytes for tasks: reading, writing with who reads slowly, ends, and cancelling.
#include "vm/loop/await/byte_stream.h"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <chrono>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/vm/loop/fixture.h"
#include "vm/loop/loop_time.h"
#include "vm/native/task/attach.h"
#include "vm/native/task/select.h"

namespace vesicle {
namespace {

using std::chrono_literals::operator""ms;
using Log = std::vector<std::string>;

struct Sockets {
  Sockets() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
    ours = fds[0];
    theirs = fds[1];
  }
  int ours;    // taken over by a stream
  int theirs;  // the test's, or taken over
};

class Talker {
 public:
  Talker(ByteStream stream, Log* log) : stream_(std::move(stream)), log_(*log) {}

  Task<void> ReadAll(std::string name) {
    for (;;) {
      const absl::StatusOr<std::string> bytes = co_await stream_.Read();
      log_.push_back(absl::StrCat(name, " ", bytes.ok() ? *bytes : bytes.status().ToString()));
      if (!bytes.ok()) co_return;
    }
  }
  Task<void> ReadOnce(std::string name) {
    const absl::StatusOr<std::string> bytes = co_await stream_.Read();
    log_.push_back(absl::StrCat(name, " ", bytes.ok() ? *bytes : bytes.status().ToString()));
  }
  Task<void> ReadOrNap() {
    auto got = co_await Select(stream_.Read(), Sleep(5ms));
    log_.push_back(got.index() == 1 ? "nothing" : std::get<0>(got).value_or("the end"));
  }
  Task<void> Write(std::string name, int64_t size) {
    const absl::Status status = co_await stream_.Write(std::string(static_cast<size_t>(size), 'x'));
    log_.push_back(absl::StrCat(name, " ", absl::StatusCodeToString(status.code())));
  }
  Task<void> WriteOrNap(int64_t size) {
    auto got =
        co_await Select(stream_.Write(std::string(static_cast<size_t>(size), 'y')), Sleep(5ms));
    log_.push_back(absl::StrCat("number ", got.index()));
  }
  Task<void> Flush(std::string name) {
    log_.push_back(
        absl::StrCat(name, " ", absl::StatusCodeToString((co_await stream_.Flush()).code())));
  }
  void Close() { stream_.Close(); }

 private:
  ByteStream stream_;
  Log& log_;
};

struct Place {
  Place() : time(*world.loop) { signal(SIGPIPE, SIG_IGN); }
  ByteStream Open(int fd, const ByteStream::Options& options = {}) {
    return *ByteStream::Open(*world.loop, fd, options);
  }
  ActorRef<Talker> Talk(const ByteStream& stream) { return world.vm.Spawn<Talker>(stream, &log); }
  Vm& vm() { return world.vm; }
  void Run() { world.loop->Run(); }
  std::string Take() {
    Run();
    const std::string all = absl::StrJoin(log, ", ");
    log.clear();
    return all;
  }
  Log log;
  World world;
  LoopTime time;
};

TEST_CASE("stream: what comes is read, then the end; of a pipe and of a socket") {
  Place p;
  Pipe pipe;
  pipe.Write("one");
  const ByteStream of_pipe = p.Open(std::exchange(pipe.read_fd, -1));
  ActorRef<Talker> talker = p.Talk(of_pipe);
  talker.Tell(&Talker::ReadOnce, "a");
  CHECK(p.Take() == "a one");
  talker.Tell(&Talker::ReadAll, "b");
  p.vm().Run();
  pipe.Write("two");
  pipe.CloseWrite();
  CHECK(p.Take() == "b two, b OUT_OF_RANGE: the end of the stream");
  talker.Tell(&Talker::ReadOnce, "again");
  CHECK(p.Take() == "again OUT_OF_RANGE: the end of the stream");
  // The wrong way.
  talker.Tell(&Talker::Write, "w", 1);
  CHECK(p.Take() == "w UNAVAILABLE");

  Sockets s;
  const ByteStream ours = p.Open(s.ours), theirs = p.Open(s.theirs);
  p.Talk(ours).Tell(&Talker::ReadAll, "ours");
  const ActorRef<Talker> other = p.Talk(theirs);
  other.Tell(&Talker::Write, "theirs", 3);
  p.vm().Run();
  theirs.EndWrites();
  CHECK(p.Take() == "theirs OK, ours xxx, ours OUT_OF_RANGE: the end of the stream");
  other.Tell(&Talker::Write, "late", 3);
  CHECK(p.Take() == "late CANCELLED");
}

TEST_CASE("stream: what is no stream is refused, and stays the caller's") {
  Place p;
  const TemporaryFolder folder;
  const int fd = open((folder.path + "/file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(ByteStream::Open(*p.world.loop, fd).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(write(fd, "x", 1) == 1);
  close(fd);
  CHECK(ByteStream::Open(*p.world.loop, -1).status().code() == absl::StatusCode::kInvalidArgument);
  const LoopRef ref = *p.world.loop;
  p.world.loop.reset();
  Pipe pipe;
  CHECK(ByteStream::Open(ref, pipe.read_fd).status().code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("stream: it reads for who waits and no more, and the loop stays for no longer") {
  Place p;
  Sockets s;
  const ByteStream stream = p.Open(s.ours, {.read_bytes_max = 4});
  const ActorRef<Talker> talker = p.Talk(stream);
  talker.Tell(&Talker::ReadOrNap);
  CHECK(p.Take() == "nothing");
  REQUIRE(write(s.theirs, "abcdefghij", 10) == 10);
  CHECK(p.Take() == "");
  for (const char* name : {"1", "2", "3"}) talker.Tell(&Talker::ReadOnce, name);
  CHECK(p.Take() == "1 abcd, 2 efgh, 3 ij");
  talker.Tell(&Talker::ReadOnce, "4");
  p.vm().Run();
  talker.Tell(&Talker::Close);
  CHECK(p.Take() == "4 CANCELLED: the stream was closed here");
  CHECK(!stream.is_open());
  char byte;
  CHECK(read(s.theirs, &byte, 1) == 0);
  close(s.theirs);
}

TEST_CASE("stream: who reads slowly holds back who writes; a write that is cancelled is none") {
  Place p;
  Sockets s;
  const ByteStream stream = p.Open(s.ours, {.write_bytes_max = 1000});
  const ActorRef<Talker> talker = p.Talk(stream);
  constexpr int64_t kBig = 4 << 20;  // more than the system takes
  talker.Tell(&Talker::Write, "a", kBig);
  talker.Tell(&Talker::Write, "b", 10);
  talker.Tell(&Talker::WriteOrNap, 10);
  talker.Tell(&Talker::Flush, "flush");
  talker.Tell(&Talker::Write, "c", 20);
  p.vm().Run();
  CHECK(p.log == Log{"a OK"});
  CHECK(stream.pending() > 0);
  std::this_thread::sleep_for(10ms);
  uv_run(p.world.loop->uv(), UV_RUN_NOWAIT);
  p.vm().Run();
  CHECK(p.log == Log{"a OK", "number 1"});
  std::string got;
  const ByteStream theirs = p.Open(s.theirs);
  p.log.clear();
  class Counter {
   public:
    Counter(ByteStream from, std::string* got) : from_(std::move(from)), got_(*got) {}
    void OnStart(Context& context) { context.Attach(from_, &Counter::OnBytes); }
    void OnBytes(const absl::StatusOr<std::string>& bytes) {
      if (bytes.ok()) got_ += *bytes;
      if (got_.size() == kBig + 30) from_.Close();
    }

   private:
    ByteStream from_;
    std::string& got_;
  };
  const ActorRef<Counter> counter = p.vm().Spawn<Counter>(theirs, &got);
  CHECK(p.Take() == "b OK, c OK, flush OK");
  CHECK(got == std::string(kBig + 30, 'x'));
  // Nobody reads any more.
  for (const char* name : {"d", "e"}) {
    talker.Tell(&Talker::Write, name, 10);
    talker.Tell(&Talker::Flush, name);
  }
  CHECK(p.Take().ends_with("UNAVAILABLE"));
}

TEST_CASE("stream: as a source of an actor, one chunk a turn, and the end") {
  class Lines {
   public:
    Lines(ByteStream from, Log* log) : from_(std::move(from)), log_(*log) {}
    void OnStart(Context& context) { context.Attach(from_, &Lines::OnBytes); }
    void OnBytes(absl::StatusOr<std::string> bytes) {
      if (bytes.ok() && *bytes == "bad") throw std::runtime_error("bad");
      log_.push_back(bytes.ok() ? *bytes : bytes.status().ToString());
    }
    void Hello() { log_.push_back("hello"); }

   private:
    ByteStream from_;
    Log& log_;
  };
  Place p;
  Pipe pipe;
  const ActorRef<Lines> lines =
      p.vm().Spawn<Lines>(p.Open(std::exchange(pipe.read_fd, -1)), &p.log);
  p.vm().Run();
  for (const char* text : {"one", "bad", "two"}) {
    pipe.Write(text);
    for (int i = 0; i < 3; ++i) {
      uv_run(p.world.loop->uv(), UV_RUN_NOWAIT);
      p.vm().Run();
    }
  }
  lines.Tell(&Lines::Hello);
  pipe.CloseWrite();
  CHECK(p.Take() == "one, two, hello, OUT_OF_RANGE: the end of the stream");
}

enum class End { kKill, kStop, kLoop, kVm, kCollect };

TEST_CASE("stream: cancelled at every await, nothing leaks and nothing is called") {
  for (const End end : {End::kKill, End::kStop, End::kLoop, End::kVm, End::kCollect}) {
    for (int where = 0; where < 5; ++where) {
      CAPTURE(where);
      Sockets s;
      {
        Place p;
        ActorRef<Talker> talker = p.Talk(p.Open(s.ours, {.write_bytes_max = 1000}));
        if (where > 0) talker.Tell(&Talker::Write, "fills", 4 << 20);
        p.vm().Run();
        p.log.clear();
        switch (where) {
          case 0:
            talker.Tell(&Talker::ReadAll, "r");
            break;
          case 1:
            talker.Tell(&Talker::Write, "w", 100);
            break;
          case 2:
            talker.Tell(&Talker::Flush, "f");
            break;
          case 3:
            talker.Tell(&Talker::ReadOrNap);
            talker.Tell(&Talker::WriteOrNap, 10);
            break;
          default:
            break;  // only what was written is under way
        }
        p.vm().Run();
        uv_run(p.world.loop->uv(), UV_RUN_NOWAIT);
        CHECK(p.log.empty());
        switch (end) {
          case End::kKill:
          case End::kStop:
            end == End::kKill ? talker.Kill() : talker.Stop();
            CHECK(write(s.theirs, "x", 1) == 1);
            p.Run();
            CHECK(p.log.empty());
            CHECK(p.vm().actors().alarms().size() == 0);
            break;
          case End::kLoop:
            p.world.loop.reset();
            p.vm().Run();
            CHECK(p.log.size() == (where == 4 ? 0 : where == 3 ? 2 : 1));
            break;
          case End::kCollect:
            talker = {};
            p.vm().core().CollectFor(Value::Nil());
            uv_run(p.world.loop->uv(), UV_RUN_NOWAIT);
            break;
          case End::kVm:
            break;
        }
        CHECK(p.vm().core().heap().Verify() == nullptr);
      }
      close(s.theirs);
    }
  }
}

TEST_CASE("stream: random writes and reads bring every byte, in order") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    class Echo {
     public:
      explicit Echo(ByteStream stream) : stream_(std::move(stream)) {}
      Task<void> Serve() {
        for (;;) {
          absl::StatusOr<std::string> bytes = co_await stream_.Read();
          if (!bytes.ok()) break;
          if (!(co_await stream_.Write(*std::move(bytes))).ok()) break;
        }
        static_cast<void>(co_await stream_.Flush());
        stream_.Close();
      }

     private:
      ByteStream stream_;
    };
    class Client {
     public:
      Client(ByteStream stream, std::string* got, const std::string* all, uint32_t seed)
          : stream_(std::move(stream)), got_(*got), all_(*all), random_(seed) {}
      Task<void> Send() {
        for (size_t at = 0; at < all_.size();) {
          const size_t size = std::min<size_t>(all_.size() - at, 1 + random_() % 50'000);
          if (!(co_await stream_.Write(all_.substr(at, size))).ok()) co_return;
          at += size;
        }
        stream_.EndWrites();
      }
      Task<void> Receive() {
        for (;;) {
          // Sometimes given up: nothing is lost.
          auto got = co_await Select(stream_.Read(),
                                     Sleep(std::chrono::microseconds(1 + random_() % 2000)));
          if (got.index() == 1) continue;
          if (!std::get<0>(got).ok()) co_return;
          got_ += *std::get<0>(got);
        }
      }

     private:
      ByteStream stream_;
      std::string& got_;
      const std::string& all_;
      std::mt19937 random_;
    };
    std::mt19937 random(seed);
    std::string all, got;
    const size_t size = random() % 2'000'000;
    for (size_t i = 0; i < size; ++i) all.push_back(static_cast<char>(i * 7 + i / 251));
    Place p;
    Sockets s;
    const auto options = [&] {
      return ByteStream::Options{.read_bytes_max = 1 + random() % 100'000,
                                 .write_bytes_max = 1 + random() % 100'000};
    };
    const ActorRef<Echo> echo = p.vm().Spawn<Echo>(p.Open(s.ours, options()));
    const ActorRef<Client> client =
        p.vm().Spawn<Client>(p.Open(s.theirs, options()), &got, &all, seed);
    echo.Tell(&Echo::Serve);
    client.Tell(&Client::Send);
    client.Tell(&Client::Receive);
    p.Run();
    CHECK(got.size() == all.size());
    CHECK(got == all);
  }
}

}  // namespace
}  // namespace vesicle
