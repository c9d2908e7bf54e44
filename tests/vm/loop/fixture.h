// A Vm on a loop of its own, and pipes to stand at the ends of devices.
#ifndef VESICLE_TESTS_VM_LOOP_FIXTURE_H_
#define VESICLE_TESTS_VM_LOOP_FIXTURE_H_

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "vm/loop/vm_loop.h"
#include "vm/native/vm.h"
#include "vm/value/print.h"

namespace vesicle {

struct World {
  explicit World(const VmLoop::Options& options = {}, const VmOptions& limits = {})
      : vm(limits), loop(*VmLoop::Create(vm, options)) {}

  // Asks and runs; the reply or `broken: ` and the reason, printed; "" if none came.
  std::string Ask(const Root& target, Value message) {
    std::string answer;
    vm.Ask(target, message, [&](const Reply& reply) {
      answer = reply.ok() ? Print(reply.value()) : "broken: " + Print(reply.reason());
    });
    loop->Run();
    return answer;
  }
  // The same, keeping the value.
  Root AskValue(const Root& target, Value message) {
    Root value;
    vm.Ask(target, message, [&](const Reply& reply) {
      if (reply.ok()) value = Root(vm.core().heap(), reply.value());
    });
    loop->Run();
    return value;
  }

  Vm vm;
  std::unique_ptr<VmLoop> loop;
};

struct Pipe {
  Pipe() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) std::abort();
    read_fd = fds[0];
    write_fd = fds[1];
  }
  ~Pipe() {
    CloseRead();
    CloseWrite();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void CloseRead() { Close(&read_fd); }
  void CloseWrite() { Close(&write_fd); }
  void Write(std::string_view bytes) {
    if (write(write_fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
      std::abort();
    }
  }
  // Everything that was written so far.
  std::string ReadAll() {
    fcntl(read_fd, F_SETFL, O_NONBLOCK);
    std::string text;
    char buffer[65536];
    ssize_t n;
    while ((n = read(read_fd, buffer, sizeof buffer)) > 0) {
      text.append(buffer, static_cast<size_t>(n));
    }
    return text;
  }

  int read_fd = -1;
  int write_fd = -1;

 private:
  static void Close(int* fd) {
    if (*fd >= 0) close(*fd);
    *fd = -1;
  }
};

// A folder that goes at the end.
struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/vesicle-test-XXXXXX";
    if (mkdtemp(name) == nullptr) std::abort();
    path = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path;
};

}  // namespace vesicle

#endif  // VESICLE_TESTS_VM_LOOP_FIXTURE_H_
