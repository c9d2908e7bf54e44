// The one table of object kinds: how each is traced, and which barrier a write
// to it needs. The heap knows this table and no data type.
//
//   layout   kWords: every payload word is a Value.  kBytes: raw bytes.
//   write    kFrozen:  never written after it was published (most kinds).
//            kBarrier: may be written; Heap::WillWrite comes before every store
//                      (it keeps the snapshot of a running mark and remembers an
//                      old object that may hold a young one from now on).
//            kWeak:    as kBarrier, and its words do not keep alive: after a mark,
//                      a word whose object died becomes Absent.
//   death    kPlain: forgotten.  kFinal: the kind's finalizer (HeapClient) runs
//            when the object dies; its first payload word is a raw C++ pointer.
//            Such a kind is traced by HeapClient::Trace beside its words.
//
// Kind bytes are odd (object.h).
#ifndef VESICLE_VM_HEAP_KINDS_H_
#define VESICLE_VM_HEAP_KINDS_H_

#include <cstdint>

#pragma GCC visibility push(default)
namespace vesicle {

//  name              layout  write    death    what it is
#define VESICLE_KINDS(X)                                                                     \
  X(kBigInt, kBytes, kFrozen, kPlain)          /* sign and limbs of an integer > 61 bits  */ \
  X(kFloat, kBytes, kFrozen, kPlain)           /* a double with a rare exponent           */ \
  X(kText, kBytes, kFrozen, kPlain)            /* UTF-8, more than 7 bytes                */ \
  X(kBytes, kBytes, kFrozen, kPlain)           /* raw bytes                               */ \
  X(kSymbol, kBytes, kFrozen, kPlain)          /* more than 7 bytes, interned, held weakly*/ \
  X(kTagged, kWords, kFrozen, kPlain)          /* symbol, then the fields                 */ \
  X(kList, kWords, kFrozen, kPlain)            /* value/list.h                            */ \
  X(kListNode, kWords, kFrozen, kPlain)        /* an inner node or leaf of a list's tree  */ \
  X(kListRoom, kWords, kBarrier, kPlain)       /* a leaf with room: filled, never changed */ \
  X(kMap, kWords, kFrozen, kPlain)             /* value/map.h                             */ \
  X(kMapNode, kWords, kFrozen, kPlain)         /* a node of a map's tree                  */ \
  X(kFunction, kWords, kFrozen, kPlain)        /* code, captures                          */ \
  X(kBehavior, kWords, kFrozen, kPlain)        /* code, captures                          */ \
  X(kCode, kWords, kFrozen, kFinal)            /* compiled or native code, its constants  */ \
  X(kTuple, kWords, kBarrier, kPlain)          /* words of the VM's own: inboxes, records */ \
  X(kExtension, kWords, kBarrier, kPlain)      /* rare state of an actor                  */ \
  X(kWaiter, kWords, kBarrier, kPlain)         /* an event that waits on a promise        */ \
  X(kActivation, kWords, kBarrier, kFinal)     /* frames of a turn that is suspended      */ \
  X(kBoundary, kWords, kBarrier, kFinal)       /* the hook behind proxies                 */ \
  X(kWeakTable, kWords, kWeak, kPlain)         /* a table that keeps nothing alive        */ \
  X(kActor, kWords, kBarrier, kPlain)          /* target: code, captures                  */ \
  X(kPromise, kWords, kBarrier, kPlain)        /* target: state, value, waiters           */ \
  X(kResolver, kWords, kBarrier, kPlain)       /* target: the other end of a promise      */ \
  X(kContinuation, kWords, kBarrier, kPlain)   /* target: a `when` or a task that waits   */ \
  X(kProxy, kWords, kBarrier, kPlain)          /* target: one behind a boundary           */ \
  X(kPayer, kWords, kFrozen, kPlain)           /* target: an actor reached on a sponsor   */ \
  X(kControl, kWords, kFrozen, kPlain)         /* target: the right to stop an actor, ..  */ \
  X(kSponsorControl, kWords, kBarrier, kFinal) /* target: the control ref of a sponsor    */

enum class Layout : uint8_t { kWords, kBytes };
enum class Write : uint8_t { kFrozen, kBarrier, kWeak };
enum class Death : uint8_t { kPlain, kFinal };

namespace kinds_internal {
enum Ordinal : uint8_t {
#define VESICLE_KIND_ORDINAL(name, layout, write, death) name,
  VESICLE_KINDS(VESICLE_KIND_ORDINAL)
#undef VESICLE_KIND_ORDINAL
      kCount
};
}  // namespace kinds_internal

inline constexpr int kKindCount = kinds_internal::kCount;

enum class Kind : uint8_t {
#define VESICLE_KIND_BYTE(name, layout, write, death) name = 2 * kinds_internal::name + 1,
  VESICLE_KINDS(VESICLE_KIND_BYTE)
#undef VESICLE_KIND_BYTE
};

struct KindInfo {
  const char* name;
  Layout layout;
  Write write;
  Death death;
};

inline constexpr KindInfo kKindTable[kKindCount] = {
#define VESICLE_KIND_ROW(name, layout, write, death) \
  {#name, Layout::layout, Write::write, Death::death},
    VESICLE_KINDS(VESICLE_KIND_ROW)
#undef VESICLE_KIND_ROW
};

constexpr int OrdinalOf(Kind kind) { return static_cast<uint8_t>(kind) >> 1; }
constexpr const KindInfo& InfoOf(Kind kind) { return kKindTable[OrdinalOf(kind)]; }
// Bit i: the kind of ordinal i is written so, or dies so. For the collector's loops.
template <typename Has>
constexpr uint64_t KindMask(Has has) {
  static_assert(kKindCount <= 64);
  uint64_t mask = 0;
  for (int i = 0; i < kKindCount; ++i) mask |= has(kKindTable[i]) ? uint64_t{1} << i : 0;
  return mask;
}
inline constexpr uint64_t kWeakKinds =
    KindMask([](const KindInfo& k) { return k.write == Write::kWeak; });
inline constexpr uint64_t kFinalKinds =
    KindMask([](const KindInfo& k) { return k.death == Death::kFinal; });
constexpr bool IsIn(uint64_t mask, Kind kind) { return ((mask >> OrdinalOf(kind)) & 1) != 0; }

// The byte kinds stand first in the table.
constexpr bool IsByteKind(Kind kind) { return kind <= Kind::kSymbol; }
constexpr bool IsTargetKind(Kind kind) { return kind >= Kind::kActor; }

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_HEAP_KINDS_H_
