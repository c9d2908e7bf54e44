// Policy: what may cross a membrane in one direction, and as what.
//
// A policy is a list of rules, asked in order; each sees what the one before it left. A
// rule is data (`#allow_tags([#get])`) or a function of a script, (state, crossing, time)
// to [verdict, state]. It sees the sender's message, before the walk that maps refs; it
// has no effects; what it cannot decide it denies. State is the policy's own and moves
// with every crossing that was judged, also when the target's turn fails later; it is
// taken back when the event is parked, to be judged anew.
//
//   #allow_tags([#a, #b])   only messages with one of these tags; those without a tag not
//   #deny_tags([#a])        all but these
//   #read_only([#get])      as allow_tags, for tags that are declared to change nothing
//   #rate(n, ms)            n messages in each window of so many milliseconds; wants a clock
//   #budget({count: n, bytes: n})    so many messages, so many bytes; a message may be the
//                           last one and exceed the bytes
//   #expires({after: ms, uses: n})   no message later than, no more than
//   #one_shot               one message
//   #one_way                messages without an answer, and nothing the other way
//   #log(ref)               a record of each crossing (audit.h) is sent to the ref
//
// Rules of data look at messages; replies and breaks pass them, but count for bytes.
//
// Ownership: a membrane owns its policies and shows them to the collector.
// Limits:    kRulesMax rules; a function has kPolicyStepsMax steps, and denies above.
//
//   absl::StatusOr<std::unique_ptr<Policy>> policy = Policy::Make(value, true, now);
//   Verdict v = (*policy)->Judge(core, seen);
#ifndef VESICLE_MEMBRANE_POLICY_H_
#define VESICLE_MEMBRANE_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "membrane/direction.h"
#include "vm/actor/core.h"
#include "vm/heap/word.h"

#pragma GCC visibility push(default)
namespace vesicle {

inline constexpr size_t kRulesMax = 32;
inline constexpr int64_t kPolicyStepsMax = 5'000;

// What is about to cross.
struct Seen {
  Direction way = Direction::kIn;
  Crossed what = Crossed::kMessage;
  Value message;
  int64_t from = 0;  // numbers of the membrane's; 0: unknown, or nobody
  int64_t to = 0;
  int64_t time_ns = 0;  // with a clock
};

struct Verdict {
  enum class Kind : uint8_t {
    kPass,
    kDeny,      // `text` says why
    kRewrite,   // `message` instead
    kRedirect,  // `message` instead, to `target`
    kNoRoom,    // no memory for the policy; nothing was judged
  };
  Kind kind = Kind::kPass;
  Value message;
  Value target;
  std::string text;
};

class Policy {
 public:
  // From a rule or a list of rules; nil: everything passes. InvalidArgument: which rule is wrong,
  // and how it is to be. Times count from `now_ns`.
  static absl::StatusOr<std::unique_ptr<Policy>> Make(Value rules, bool has_clock, int64_t now_ns);

  // What it takes to read such rules, in steps; at most some 300,000.
  static int64_t StepsToMake(Value rules);

  // Whether that can be seen at a look: only tags decide, and they let the message by.
  bool LetsByAtOnce(Value message) const { return rules_.empty() || TagsLetBy(message); }
  // That it takes to compare a message with all tags that rules name.
  int64_t steps_of_tags() const { return tags_ / kTagsPerStep; }
  // Moves the state, but with kNoRoom. Charges the running sponsor for functions.
  Verdict Judge(Core& core, const Seen& seen);
  // What was judged last has crossed: so many bytes.
  void Count(uint64_t bytes);
  // The state before the last Judge, if none came since.
  void TakeBack();

  bool has_state() const { return has_state_; }
  bool wants_time() const { return wants_time_; }
  // Nobody is there to judge anything: what crosses need not be looked at.
  bool is_empty() const { return rules_.empty(); }
  // #one_way: slots are dropped in this direction, and nothing passes in the other.
  bool is_one_way() const { return is_one_way_; }
  const std::vector<Value>& logs() const { return logs_; }
  void Visit(Visitor& visitor);
  int64_t bytes() const;

 private:
  enum class RuleKind : uint8_t { kAllow, kDeny, kReadOnly, kRate, kBudget, kExpires, kFunction };
  struct Rule {
    RuleKind kind;
    std::vector<Value> tags;
    int64_t count_max = -1;  // -1: none
    int64_t bytes_max = -1;
    int64_t window_ns = -1;
    Value function;
  };
  // Of a rule.
  struct State {
    int64_t count = 0;
    int64_t bytes = 0;
    int64_t since_ns = 0;
    Value value;  // of a function
  };

  std::string Add(Value rule);
  static bool IsAboutTags(RuleKind kind) { return kind <= RuleKind::kReadOnly; }
  static bool TagsLetBy(const Rule& rule, Value message);
  bool TagsLetBy(Value message) const;
  bool JudgeData(const Rule& rule, State& state, const Seen& seen, std::string* text);
  Verdict JudgeFunction(Core& core, const Rule& rule, State& state, const Seen& seen);

  std::vector<Rule> rules_;
  std::vector<State> states_;
  std::vector<State> before_;
  std::vector<Value> logs_;
  static constexpr int64_t kTagsPerStep = 10;
  int64_t tags_ = 0;  // of all rules
  bool has_state_ = false;
  bool wants_time_ = false;
  bool is_one_way_ = false;
  bool has_clock_ = false;
  bool has_only_tags_ = true;
  bool can_take_back_ = false;
};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_MEMBRANE_POLICY_H_
