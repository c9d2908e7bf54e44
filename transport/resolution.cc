#include "transport/resolution.h"

#include <netdb.h>

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace vesicle {

struct Resolution::Request {
  uv_getaddrinfo_t handle = {};
  Resolution* asker = nullptr;  // null: nobody wants to know any more
  absl::AnyInvocable<void(absl::StatusOr<Addresses>)> done;
  std::string name;
};

absl::StatusOr<std::unique_ptr<Resolution>> Resolution::Begin(
    uv_loop_t* loop, const HostAndPort& what,
    absl::AnyInvocable<void(absl::StatusOr<Addresses>)> done) {
  auto request = std::make_unique<Request>();
  request->handle.data = request.get();
  request->done = std::move(done);
  request->name = what.host;
  addrinfo hints = {};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  const std::string port = std::to_string(what.port);
  const int rc =
      uv_getaddrinfo(loop, &request->handle, OnAnswer, what.host.c_str(), port.c_str(), &hints);
  if (rc == UV_ENOMEM) return absl::ResourceExhaustedError("no memory to ask for a name");
  if (rc != 0) {
    return absl::InvalidArgumentError(absl::StrCat(what.host, ": ", uv_strerror(rc)));
  }
  std::unique_ptr<Resolution> self(new Resolution(request.get()));
  request.release()->asker = self.get();
  return self;
}

Resolution::~Resolution() {
  if (request_ == nullptr) return;
  request_->asker = nullptr;
  request_->done = nullptr;
  // May be under way, or done: OnAnswer comes in any case, and frees it.
  uv_cancel(reinterpret_cast<uv_req_t*>(&request_->handle));
}

void Resolution::OnAnswer(uv_getaddrinfo_t* handle, int rc, addrinfo* found) {
  const std::unique_ptr<Request> request(static_cast<Request*>(handle->data));
  Addresses addresses;
  for (const addrinfo* at = found; at != nullptr && addresses.size() < kAddressesMax;
       at = at->ai_next) {
    if (at->ai_addrlen > sizeof(sockaddr_storage)) continue;
    SocketAddress& address = addresses.emplace_back();
    std::memcpy(&address.storage, at->ai_addr, at->ai_addrlen);
    address.size = at->ai_addrlen;
  }
  uv_freeaddrinfo(found);
  if (request->asker == nullptr) return;
  request->asker->request_ = nullptr;
  const std::string text = absl::StrCat(request->name, ": ", rc != 0 ? uv_strerror(rc) : "");
  if (rc == 0 && !addresses.empty()) {
    request->done(std::move(addresses));
  } else if (rc == 0 || rc == UV_EAI_NONAME || rc == UV_EAI_NODATA || rc == UV_EAI_ADDRFAMILY) {
    request->done(absl::NotFoundError(absl::StrCat(request->name, ": no such host is known")));
  } else if (rc == UV_EAI_MEMORY || rc == UV_ENOMEM) {
    request->done(absl::ResourceExhaustedError(text));
  } else {
    request->done(absl::UnavailableError(text));
  }
}

}  // namespace vesicle
