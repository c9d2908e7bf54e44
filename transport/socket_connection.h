// SocketConnection: a connection over a stream socket of the system (TCP, Unix-domain, one end
// of a pair), watched by libuv's poll. The descriptor is ours, so one handle is all that a
// connection costs, writes need no request that lives on, and an accept that fails for want of
// descriptors is ours to handle (socket_listener.h).
//
// Ownership: owns the descriptor, which it closes.
// Limits:    reads at most one buffer of the environment's before others have their turn.
#ifndef VESICLE_TRANSPORT_SOCKET_CONNECTION_H_
#define VESICLE_TRANSPORT_SOCKET_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "transport/loop_environment.h"
#include "transport/newcomers.h"
#include "transport/resolution.h"
#include "transport/socket_address.h"
#include "transport/stream_connection.h"
#include "vm/loop/uv_handle.h"

namespace vesicle {

class SocketConnection final : public StreamConnection {
 public:
  // Looks at each address before it is dialled: OK, or why not.
  using MayConnect = std::function<absl::Status(const SocketAddress&)>;

  // Of a socket that is connected. Takes `fd`, also when it fails, ResourceExhausted.
  static absl::StatusOr<std::unique_ptr<SocketConnection>> Adopt(LoopEnvironment& environment,
                                                                 int fd, const Limits& limits,
                                                                 PeerInfo peer);
  // One that connects, from Dial() or Resolve() on.
  static std::unique_ptr<SocketConnection> ToConnect(LoopEnvironment& environment,
                                                     const ConnectOptions& options,
                                                     const std::string& address,
                                                     MayConnect may_connect);
  ~SocketConnection() override;

  // Tries the addresses one after the other, until one answers or the deadline is over.
  void Dial(std::vector<SocketAddress> addresses);
  absl::Status Resolve(const HostAndPort& host);

  void set_place(std::unique_ptr<Newcomers::Place> place) { place_ = std::move(place); }
  void Evict(absl::Status why) { Finish(std::move(why), Leave::kReset); }
  void MarkAuthenticated() override { place_.reset(); }
  void HoldLoop(bool holds) override;

 private:
  SocketConnection(LoopEnvironment& environment, const Limits& limits, PeerInfo peer, State state)
      : StreamConnection(environment, limits, std::move(peer), state), loop_(environment) {}

  size_t Write(std::string_view bytes) override;
  void EndWriting() override;
  void SetReading(bool wanted) override;
  void Drop(Leave leave) override;

  absl::Status Watch();
  void SetTcpOptions();
  void DialNext();
  absl::Status DialOne(const SocketAddress& address);
  void OnReady();
  void OnDialled();
  // Of one that failed all that came before is read.
  enum class Reads : uint8_t { kOne, kAll };
  // False: it was destroyed.
  bool Read(Reads reads);
  void Arm();
  void CloseDescriptor();

  LoopEnvironment& loop_;
  int fd_ = -1;
  int armed_ = 0;  // what is watched for
  bool waits_to_write_ = false;
  bool holds_loop_ = true;
  absl::Status write_failed_;  // told of when what the peer had sent before is read
  UvHandle<uv_poll_t> poll_;
  std::unique_ptr<Newcomers::Place> place_;
  struct Dialling {
    MayConnect may_connect;
    std::unique_ptr<Resolution> resolution;
    std::vector<SocketAddress> addresses;  // still to be tried, the next one last
    absl::Status failed;                   // the last one
  };
  std::unique_ptr<Dialling> dialling_;  // while it connects
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_SOCKET_CONNECTION_H_
