// Select: waits for several things, and takes the first that is there.
//
//   auto got = co_await Select(channel.Receive(), counter.Ask(&Counter::Get), Sleep(50ms));
//   if (got.index() == 0) ..  std::get<0>(got) ..
//
// Biased to the first: of those that are ready when the task goes on, the one that was named first.
// The others are cancelled: what was offered is withdrawn, who stood in a line leaves it, an alarm
// is off; the answer of an ask is dropped when it comes, though its message was sent. Sources given
// by name (lvalues) are borrowed: they keep what they have, and may be awaited again.
#ifndef VESICLE_VM_NATIVE_TASK_SELECT_H_
#define VESICLE_VM_NATIVE_TASK_SELECT_H_

#include <cstddef>
#include <tuple>
#include <utility>
#include <variant>

#include "vm/native/task/task.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename... Ss>
class Selection {
 public:
  using Result = std::variant<std::remove_cvref_t<decltype(std::declval<Ss&>().Take())>...>;

  explicit Selection(Ss&&... sources) : sources_(std::forward<Ss>(sources)...) {}
  Selection(Selection&&) noexcept = default;

  bool IsReadyNow() {
    return std::apply([](auto&... s) { return (s.IsReadyNow() || ...); }, sources_);
  }
  void Arm(Actors& actors, Claim& claim) {
    is_armed_ = true;
    std::apply([&](auto&... s) { (s.Arm(actors, claim), ...); }, sources_);
  }
  bool IsReady() {
    return std::apply([](auto&... s) { return (s.IsReady() || ...); }, sources_);
  }
  Result Take() { return TakeFrom<0>(HasCommitted<0>()); }

 private:
  template <size_t kIndex>
  bool HasCommitted() {
    if constexpr (kIndex == sizeof...(Ss)) {
      return false;
    } else {
      return IsCommitted(std::get<kIndex>(sources_)) || HasCommitted<kIndex + 1>();
    }
  }
  // It has happened already, on the other side: it is the one.
  template <typename S>
  static bool IsCommitted(S& source) {
    if constexpr (requires { source.is_committed(); }) {
      return source.is_committed();
    } else {
      return false;
    }
  }
  template <size_t kIndex>
  Result TakeFrom(bool committed) {
    auto& source = std::get<kIndex>(sources_);
    const bool it_is =
        committed ? IsCommitted(source) : (is_armed_ ? source.IsReady() : source.IsReadyNow());
    if (it_is || kIndex + 1 == sizeof...(Ss)) {
      return Result(std::in_place_index<kIndex>, source.Take());
    }
    if constexpr (kIndex + 1 < sizeof...(Ss)) {
      return TakeFrom<kIndex + 1>(committed);
    } else {
      return Result(std::in_place_index<kIndex>, source.Take());
    }
  }

  std::tuple<Ss...> sources_;
  bool is_armed_ = false;
};

template <typename... Ss>
Selection<Ss...> Select(Ss&&... sources) {
  static_assert((Awaitable<Ss> && ...), "vesicle: this cannot be awaited in a task (task/task.h)");
  return Selection<Ss...>(std::forward<Ss>(sources)...);
}

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_TASK_SELECT_H_
