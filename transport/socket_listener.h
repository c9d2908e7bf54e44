// SocketListener accepts connections from a listening socket of the system.
//
// Out of descriptors: a connection that waits keeps the socket readable, so that a loop which
// cannot accept would spin. The listener holds a spare descriptor; it closes that, accepts with
// it, drops the connection and takes a new spare. When even that fails it looks away for
// kPauseMs. The dropped are counted.
//
// Ownership: owns the descriptors. Accepted connections belong to who takes them, and share the
//            bookkeeping of newcomers.
// Limits:    accepts at most kAcceptsPerTurn before others have their turn; ListenOptions.
#ifndef VESICLE_TRANSPORT_SOCKET_LISTENER_H_
#define VESICLE_TRANSPORT_SOCKET_LISTENER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "transport/loop_environment.h"
#include "transport/newcomers.h"
#include "transport/transport.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

class SocketListener final : public Listener {
 public:
  // Of a socket that listens already. Takes `fd`, also when it fails, ResourceExhausted.
  // `on_gone` is called at the end, after the socket is closed.
  static absl::StatusOr<std::unique_ptr<SocketListener>> Create(
      LoopEnvironment& environment, int fd, std::string address, const ListenOptions& options,
      AcceptFn on_accept, absl::AnyInvocable<void()> on_gone = {});
  ~SocketListener() override;

  const std::string& address() const override { return address_; }
  uint64_t dropped() const override { return dropped_; }
  const Newcomers& newcomers() const { return *newcomers_; }

 private:
  static constexpr int kAcceptsPerTurn = 64;
  static constexpr int64_t kPauseMs = 100;

  SocketListener(LoopEnvironment& environment, int fd, std::string address,
                 const ListenOptions& options, AcceptFn on_accept,
                 absl::AnyInvocable<void()> on_gone);
  void Watch();
  void OnReady();
  // False: the listener was destroyed.
  bool Take(int fd);
  bool DropOne();
  void LookAway();

  LoopEnvironment& environment_;
  int fd_;
  int spare_fd_;
  std::string address_;
  Limits limits_;
  AcceptFn on_accept_;
  absl::AnyInvocable<void()> on_gone_;
  std::shared_ptr<Newcomers> newcomers_;
  uint64_t dropped_ = 0;
  bool* was_destroyed_ = nullptr;  // while on_accept_ is called
  UvHandle<uv_poll_t> poll_;
  std::unique_ptr<Environment::Timer> pause_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SOCKET_LISTENER_H_
