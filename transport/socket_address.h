// SocketAddress: where a socket is, of the Internet or of this machine, and its text.
//
//   absl::StatusOr<HostAndPort> parts = ParseHostAndPort("[::1]:7000");
//   absl::StatusOr<SocketAddress> address = NumericAddress(*parts);
//   address->Text();                              // "[::1]:7000"
#ifndef VESICLE_TRANSPORT_SOCKET_ADDRESS_H_
#define VESICLE_TRANSPORT_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

#pragma GCC visibility push(default)
namespace vesicle {

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // "127.0.0.1:7000", "[::1]:7000", "unix:/run/x" (of an unnamed one: "unix:").
  std::string Text() const;
  // Whom newcomers are counted with: the IPv4 address, or the /64 network of an IPv6 one, which
  // one owner has at least. "" for those of this machine alone.
  std::string Group() const;
  bool IsLoopback() const;
};

struct HostAndPort {
  std::string host;  // without brackets
  uint16_t port;
};
// InvalidArgument, with what is wrong and an example.
absl::StatusOr<HostAndPort> ParseHostAndPort(const std::string& text);
// Of a host given in numbers; NotFound if it is a name.
absl::StatusOr<SocketAddress> NumericAddress(const HostAndPort& parts);
// InvalidArgument: empty, or longer than the system's 107 bytes.
absl::StatusOr<SocketAddress> UnixAddress(const std::string& path);

// Of this end, or of the peer's, of a socket.
SocketAddress LocalAddress(int fd);
SocketAddress RemoteAddress(int fd);

// `what: the system's words`, with the code that transport.h has for it.
absl::Status SocketStatus(int error, const std::string& what);

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_TRANSPORT_SOCKET_ADDRESS_H_
