#include "transport/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace vesicle {
namespace {

const sockaddr_in& V4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& V6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

std::string V4Text(const in_addr& address) {
  char text[INET_ADDRSTRLEN] = "";
  inet_ntop(AF_INET, &address, text, sizeof text);
  return text;
}

// The IPv4 address within a mapped one.
in_addr Mapped(const in6_addr& address) {
  in_addr v4;
  std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
  return v4;
}

bool IsLoopbackV4(const in_addr& address) { return (ntohl(address.s_addr) >> 24) == 127; }

absl::Status NotAnAddress(const std::string& text, const char* why) {
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text, "\": ", why, "; an address is HOST:PORT, as 127.0.0.1:7000 or [::1]:7000"));
}

}  // namespace

std::string SocketAddress::Text() const {
  switch (storage.ss_family) {
    case AF_INET:
      return absl::StrCat(V4Text(V4(*this).sin_addr), ":", ntohs(V4(*this).sin_port));
    case AF_INET6: {
      char text[INET6_ADDRSTRLEN] = "";
      inet_ntop(AF_INET6, &V6(*this).sin6_addr, text, sizeof text);
      return absl::StrCat("[", text, "]:", ntohs(V6(*this).sin6_port));
    }
    case AF_UNIX: {
      const auto& local = reinterpret_cast<const sockaddr_un&>(storage);
      const size_t before_path = offsetof(sockaddr_un, sun_path);
      if (size <= before_path) return "unix:";
      return absl::StrCat("unix:",
                          std::string(local.sun_path, strnlen(local.sun_path, size - before_path)));
    }
    default:
      return "unknown";
  }
}

std::string SocketAddress::Group() const {
  if (storage.ss_family == AF_INET) return V4Text(V4(*this).sin_addr);
  if (storage.ss_family != AF_INET6) return "";
  const in6_addr& address = V6(*this).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return V4Text(Mapped(address));
  const std::string network(reinterpret_cast<const char*>(address.s6_addr), 8);
  return absl::StrCat(absl::BytesToHexString(network), "::/64");
}

bool SocketAddress::IsLoopback() const {
  if (storage.ss_family == AF_INET) return IsLoopbackV4(V4(*this).sin_addr);
  if (storage.ss_family != AF_INET6) return true;
  const in6_addr& address = V6(*this).sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address)) return IsLoopbackV4(Mapped(address));
  return IN6_IS_ADDR_LOOPBACK(&address) != 0;
}

absl::StatusOr<HostAndPort> ParseHostAndPort(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return NotAnAddress(text, "there is no port");
  std::string host = text.substr(0, colon);
  if (!host.empty() && host.front() == '[') {
    if (host.size() < 2 || host.back() != ']') return NotAnAddress(text, "a bracket is not closed");
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string::npos) {
    return NotAnAddress(text, "an IPv6 address stands in brackets");
  }
  if (host.empty()) return NotAnAddress(text, "there is no host");
  // What a resolver would cut off at the zero is another name than the one that was checked.
  if (host.find('\0') != std::string::npos) return NotAnAddress(text, "there is a zero byte");
  uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc() || stop != end) {
    return NotAnAddress(text, "the port is no number from 0 to 65535");
  }
  return HostAndPort{std::move(host), port};
}

absl::StatusOr<SocketAddress> NumericAddress(const HostAndPort& parts) {
  SocketAddress address;
  auto& v4 = reinterpret_cast<sockaddr_in&>(address.storage);
  if (inet_pton(AF_INET, parts.host.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(parts.port);
    address.size = sizeof v4;
    return address;
  }
  auto& v6 = reinterpret_cast<sockaddr_in6&>(address.storage);
  if (inet_pton(AF_INET6, parts.host.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(parts.port);
    address.size = sizeof v6;
    return address;
  }
  return absl::NotFoundError(absl::StrCat(parts.host, ": is a name"));
}

absl::StatusOr<SocketAddress> UnixAddress(const std::string& path) {
  SocketAddress address;
  auto& local = reinterpret_cast<sockaddr_un&>(address.storage);
  if (path.empty() || path.size() >= sizeof local.sun_path ||
      path.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(absl::StrCat("\"", path, "\": the path of a socket has 1 to ",
                                                   sizeof local.sun_path - 1,
                                                   " bytes, none of them zero"));
  }
  local.sun_family = AF_UNIX;
  std::memcpy(local.sun_path, path.data(), path.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return address;
}

namespace {
SocketAddress AddressBy(int (*get)(int, sockaddr*, socklen_t*), int fd) {
  SocketAddress address;
  address.size = sizeof address.storage;
  if (get(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0) {
    return SocketAddress();
  }
  return address;
}
}  // namespace

SocketAddress LocalAddress(int fd) { return AddressBy(getsockname, fd); }
SocketAddress RemoteAddress(int fd) { return AddressBy(getpeername, fd); }

absl::Status SocketStatus(int error, const std::string& what) {
  const std::string text = absl::StrCat(what, ": ", std::strerror(error));
  switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EAGAIN:  // connecting to a Unix-domain socket whose queue is full
      return absl::ResourceExhaustedError(text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(text);
    case EADDRINUSE:
      return absl::AlreadyExistsError(text);
    case EINVAL:
    case EAFNOSUPPORT:
    case EADDRNOTAVAIL:
      return absl::InvalidArgumentError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace vesicle
