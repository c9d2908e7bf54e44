// Resolution: the addresses of a host's name, asked of the system on libuv's pool of threads.
// Destroying it forgets the question; the answer is not called then.
//
// Ownership: owns the request, which outlives it until the pool is done with it.
// Limits:    addresses_max of the answer are kept.
//
//   resolution_ = Resolution::Begin(loop, {"localhost", 7000}, [this](auto found) { ... });
#ifndef VESICLE_TRANSPORT_RESOLUTION_H_
#define VESICLE_TRANSPORT_RESOLUTION_H_

#include <uv.h>

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "transport/socket_address.h"

namespace vesicle {

class Resolution {
 public:
  using Addresses = std::vector<SocketAddress>;  // at least one
  static constexpr size_t kAddressesMax = 16;

  // `done` is called once, from the loop. NotFound: the name has no address. ResourceExhausted: no
  // memory. Unavailable: nobody could be asked. Fails itself with InvalidArgument: no host can have
  // that name; ResourceExhausted: no memory.
  static absl::StatusOr<std::unique_ptr<Resolution>> Begin(
      uv_loop_t* loop, const HostAndPort& what,
      absl::AnyInvocable<void(absl::StatusOr<Addresses>)> done);
  ~Resolution();
  Resolution(const Resolution&) = delete;
  Resolution& operator=(const Resolution&) = delete;

 private:
  struct Request;
  explicit Resolution(Request* request) : request_(request) {}
  static void OnAnswer(uv_getaddrinfo_t* handle, int rc, addrinfo* found);

  Request* request_;  // null once answered
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_RESOLUTION_H_
