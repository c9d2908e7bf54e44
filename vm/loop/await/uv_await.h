// AwaitRequest and AwaitHandle: a request or a handle of libuv, whichever it is, for a task to
// await: what its callback makes of what it gets is the result.
//
//   Completion<std::string> Name(const LoopRef& loop, sockaddr_in address) {
//     return AwaitRequest<uv_getnameinfo_t, std::string>(
//         loop, "name of a host",
//         [&](uv_loop_t* uv, uv_getnameinfo_t* request, auto callback) {
//           return uv_getnameinfo(uv, request, callback, reinterpret_cast<sockaddr*>(&address), 0);
//         },
//         [](uv_getnameinfo_t*, int status, const char* host, const char*) {
//           return status < 0 ? Completion<std::string>::Result(UvStatus(status, "name of a host"))
//                             : std::string(host);
//         });
//   }
//
// Ownership: request or handle live until libuv is done with them, whoever still waits; so does
//            `finish` with what it holds, which outlives the VM if it runs last.
// Cancelled: a request is cancelled where libuv can (uv_cancel) and else ends as it does; `finish`
//            is called all the same, to free what the request brought, and its result dropped. A
//            handle is closed, and `finish` not called.
// Threads:   the loop's.
#ifndef VESICLE_VM_LOOP_AWAIT_UV_AWAIT_H_
#define VESICLE_VM_LOOP_AWAIT_UV_AWAIT_H_

#include <uv.h>

#include <string_view>
#include <utility>

#include "vm/loop/await/completion.h"
#include "vm/loop/uv_handle.h"

#pragma GCC visibility push(default)
namespace vesicle {

namespace await_internal {

// A callback of whichever type libuv wants for `Subject`: Box::OnCallback(subject, arguments...).
template <typename Subject, typename Box>
struct AnyCallback {
  template <typename... As>
  using Function = void (*)(Subject*, As...);
  template <typename... As>
  operator Function<As...>() const {
    return [](Subject* subject, As... as) { static_cast<Box*>(subject->data)->OnCallback(as...); };
  }
};

template <typename Request, typename T, typename FinishFn>
struct RequestBox {
  template <typename... As>
  void OnCallback(As... as) {
    done(finish(&request, as...));
    delete this;
  }
  Request request{};
  typename Completion<T>::Done done;
  FinishFn finish;
};

template <typename Handle, typename T, typename FinishFn>
struct HandleBox {
  template <typename... As>
  void OnCallback(As... as) {
    if (is_closed) return;
    typename Completion<T>::Result result = finish(&handle, as...);
    Close();
    done(std::move(result));
  }
  void Close() {
    if (std::exchange(is_closed, true)) return;
    uv_close(reinterpret_cast<uv_handle_t*>(&handle),
             [](uv_handle_t* closed) { delete static_cast<HandleBox*>(closed->data); });
  }
  Handle handle{};
  typename Completion<T>::Done done;
  FinishFn finish;
  bool is_closed = false;
};

}  // namespace await_internal

// start(uv_loop_t*, Request*, callback) begins it, and yields libuv's code; it is called at once.
// finish(Request*, what the callback gets...) yields a Completion<T>::Result. `what` stands in the
// status of a start that fails: Unavailable.
template <typename Request, typename T, typename StartFn, typename FinishFn>
Completion<T> AwaitRequest(const LoopRef& loop, std::string_view what, StartFn start,
                           FinishFn finish) {
  Completion<T> completion(loop);
  if (loop.get() == nullptr) return completion;
  using Box = await_internal::RequestBox<Request, T, FinishFn>;
  Box* box = new Box{{}, completion.done(), std::move(finish)};
  box->request.data = box;
  const int rc =
      start(loop.get()->uv(), &box->request, await_internal::AnyCallback<Request, Box>());
  if (rc < 0) {
    delete box;
    completion.done()(UvStatus(rc, what));
  } else {
    completion.OnCancel([box] { uv_cancel(reinterpret_cast<uv_req_t*>(&box->request)); });
  }
  return completion;
}

// init(uv_loop_t*, Handle*) and start(Handle*, callback) yield libuv's code. The handle is closed
// when the callback has come once.
template <typename Handle, typename T, typename InitFn, typename StartFn, typename FinishFn>
Completion<T> AwaitHandle(const LoopRef& loop, std::string_view what, InitFn init, StartFn start,
                          FinishFn finish) {
  Completion<T> completion(loop);
  if (loop.get() == nullptr) return completion;
  using Box = await_internal::HandleBox<Handle, T, FinishFn>;
  Box* box = new Box{{}, completion.done(), std::move(finish)};
  if (const int rc = init(loop.get()->uv(), &box->handle); rc < 0) {
    delete box;
    completion.done()(UvStatus(rc, what));
    return completion;
  }
  box->handle.data = box;
  if (const int rc = start(&box->handle, await_internal::AnyCallback<Handle, Box>()); rc < 0) {
    box->Close();
    completion.done()(UvStatus(rc, what));
  } else {
    completion.OnCancel([box] { box->Close(); });
  }
  return completion;
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_LOOP_AWAIT_UV_AWAIT_H_
