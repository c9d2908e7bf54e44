#include "membrane/policy.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "membrane/audit.h"
#include "membrane/fields.h"
#include "vm/actor/code.h"
#include "vm/script/compile/opcodes.h"
#include "vm/value/form.h"
#include "vm/value/list.h"
#include "vm/value/map.h"
#include "vm/value/number.h"
#include "vm/value/print.h"
#include "vm/value/symbol.h"
#include "vm/value/tagged.h"
#include "vm/value/text.h"

namespace vesicle {
namespace {

constexpr int64_t kNsPerMs = 1'000'000;
constexpr uint64_t kTagsMax = 1'000;  // of a rule; each message is compared with them
constexpr std::string_view kRules =
    "a rule is #allow_tags(tags), #deny_tags(tags), #read_only(tags), #rate(n, ms), "
    "#budget({count, bytes}), #expires({after, uses}), #one_shot, #one_way, #log(ref), or a "
    "fn(state, crossing, time)";

std::string Show(Value v) { return Print(v, kReportOptions); }

// An amount: an integer from 0.
std::optional<int64_t> AmountOf(Value v) {
  if (!IsInt(v)) return std::nullopt;
  const std::optional<int64_t> n = Int64Of(v);
  return n && *n >= 0 && *n <= kUnlimited / kNsPerMs ? n : std::nullopt;
}

bool TakesThree(Value function) {
  const Object* code = code::Of(function.data());
  const auto* header = static_cast<const CodeHeader*>(code::Pointer(code));
  return header != nullptr && header->params_min == 3 && header->params_max == 3;
}

// The words of #deny(reason).
std::string TextOf(Value reason) {
  // What is longer than a reason may be is cut there; so much will do.
  constexpr size_t kBytesMax = 4096;
  if (IsText(reason)) return std::string(TextView(reason).substr(0, kBytesMax));
  if (IsSymbol(reason)) return std::string(SymbolView(reason));
  return Show(reason);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Policy>> Policy::Make(Value rules, bool has_clock, int64_t now_ns) {
  auto policy = std::make_unique<Policy>();
  policy->has_clock_ = has_clock;
  std::string error;
  if (IsList(rules)) {
    const uint64_t size = ListSize(rules);
    if (size > kRulesMax) {
      error = Words("a policy has at most ", kRulesMax, " rules, not ", size);
    }
    for (uint64_t i = 0; error.empty() && i < size; ++i) error = policy->Add(ListAt(rules, i));
  } else if (!rules.is_nil()) {
    error = policy->Add(rules);
  }
  if (!error.empty()) return absl::InvalidArgumentError(error);
  policy->states_.resize(policy->rules_.size());
  for (State& state : policy->states_) state.since_ns = now_ns;
  for (const Rule& rule : policy->rules_) policy->has_only_tags_ &= IsAboutTags(rule.kind);
  return policy;
}

int64_t Policy::StepsToMake(Value rules) {
  constexpr int64_t kStepsPerRule = 20;
  constexpr uint64_t kStepsPerTag = 3;
  const auto of_rule = [](Value rule) {
    if (!IsTagged(rule)) return kStepsPerRule;
    const auto fields = FieldsOf(rule);
    if (fields.size() != 1 || !IsList(fields[0])) return kStepsPerRule;
    return kStepsPerRule +
           static_cast<int64_t>(std::min(ListSize(fields[0]), kTagsMax) * kStepsPerTag);
  };
  if (!IsList(rules)) return of_rule(rules);
  int64_t steps = 0;
  for (uint64_t i = 0; i < std::min<uint64_t>(ListSize(rules), kRulesMax); ++i) {
    steps += of_rule(ListAt(rules, i));
  }
  return steps;
}

// What is wrong with the rule.
std::string Policy::Add(Value v) {
  Rule rule{RuleKind::kFunction, {}, -1, -1, -1, Value::Nil()};
  const auto tagged = [&](std::string_view tag) { return Is(v, tag, 1); };
  if (IsFunction(v)) {
    if (!TakesThree(v))
      return Words("a rule is a fn(state, crossing, time), with three parameters");
    rule.function = v;
    has_state_ = wants_time_ = true;
    rules_.push_back(std::move(rule));
    return {};
  }
  if (tagged("allow_tags") || tagged("deny_tags") || tagged("read_only")) {
    rule.kind = tagged("allow_tags")  ? RuleKind::kAllow
                : tagged("deny_tags") ? RuleKind::kDeny
                                      : RuleKind::kReadOnly;
    const Value tags = FieldsOf(v)[0];
    if (!IsList(tags)) return Words(Show(v), ": wants a list of symbols, as [#get, #add]");
    if (ListSize(tags) > kTagsMax) {
      return Words("a rule names at most ", kTagsMax, " tags, but these are ", ListSize(tags));
    }
    rule.tags.reserve(ListSize(tags));
    Value position = kListStart, leaf, tag;
    while (ListNext(tags, position, leaf, tag)) {
      if (!IsSymbol(tag)) return Words(Show(tag), " is no symbol: tags are, as #get");
      rule.tags.push_back(tag);
      ++tags_;
    }
  } else if (Is(v, "rate", 2)) {
    rule.kind = RuleKind::kRate;
    const auto n = AmountOf(FieldsOf(v)[0]), ms = AmountOf(FieldsOf(v)[1]);
    if (!n || !ms || *ms == 0) return Words(Show(v), ": wants #rate(messages, milliseconds)");
    if (!has_clock_) return "#rate wants a clock: membrane({clock: host.clock, ...})";
    rule.count_max = *n;
    rule.window_ns = *ms * kNsPerMs;
    has_state_ = wants_time_ = true;
  } else if (tagged("budget")) {
    rule.kind = RuleKind::kBudget;
    const std::string error =
        ReadFields(FieldsOf(v)[0], "#budget({count: n, bytes: n})",
                   {{"count", [&](Value n) { return Amount(n, &rule.count_max); }},
                    {"bytes", [&](Value n) { return Amount(n, &rule.bytes_max); }}});
    if (!error.empty()) return error;
    if (rule.count_max < 0 && rule.bytes_max < 0)
      return "#budget({count: n, bytes: n}) wants one of them";
    has_state_ = true;
  } else if (tagged("expires")) {
    rule.kind = RuleKind::kExpires;
    int64_t after_ms = -1;
    const std::string error =
        ReadFields(FieldsOf(v)[0], "#expires({after: ms, uses: n})",
                   {{"after", [&](Value n) { return Amount(n, &after_ms); }},
                    {"uses", [&](Value n) { return Amount(n, &rule.count_max); }}});
    if (!error.empty()) return error;
    if (after_ms < 0 && rule.count_max < 0)
      return "#expires({after: ms, uses: n}) wants one of them";
    if (after_ms >= 0 && !has_clock_) {
      return "#expires({after: ms}) wants a clock: membrane({clock: host.clock, ...})";
    }
    if (after_ms > kUnlimited / kNsPerMs) return "#expires: after is too long";
    if (after_ms >= 0) rule.window_ns = after_ms * kNsPerMs;
    has_state_ = true;
    wants_time_ |= after_ms >= 0;
  } else if (Is(v, "one_shot", 0)) {
    rule.kind = RuleKind::kExpires;
    rule.count_max = 1;
    has_state_ = true;
  } else if (Is(v, "one_way", 0)) {
    is_one_way_ = true;
    return {};
  } else if (tagged("log")) {
    if (!FieldsOf(v)[0].is_target()) return "#log(ref) wants a ref";
    logs_.push_back(FieldsOf(v)[0]);
    return {};
  } else {
    return Words("no rule: ", Show(v), "; ", kRules);
  }
  rules_.push_back(std::move(rule));
  return {};
}

bool Policy::TagsLetBy(const Rule& rule, Value message) {
  const bool is_named = HasTag(message) && std::find(rule.tags.begin(), rule.tags.end(),
                                                     TagOf(message)) != rule.tags.end();
  return is_named != (rule.kind == RuleKind::kDeny);
}

bool Policy::TagsLetBy(Value message) const {
  if (!has_only_tags_) return false;
  for (const Rule& rule : rules_) {
    if (!TagsLetBy(rule, message)) return false;
  }
  return true;
}

// Whether it passes.
bool Policy::JudgeData(const Rule& rule, State& state, const Seen& seen, std::string* text) {
  if (rule.kind == RuleKind::kBudget && rule.bytes_max >= 0 && state.bytes >= rule.bytes_max) {
    *text = Words("the budget of ", rule.bytes_max, " bytes is spent");
    return false;
  }
  if (seen.what != Crossed::kMessage) return true;
  switch (rule.kind) {
    case RuleKind::kAllow:
    case RuleKind::kDeny:
    case RuleKind::kReadOnly: {
      if (TagsLetBy(rule, seen.message)) return true;
      const std::string_view why = rule.kind == RuleKind::kReadOnly ? "this is read-only: " : "";
      *text = HasTag(seen.message) ? Words(why, Show(TagOf(seen.message)), " is not let by")
                                   : Words(why, "a message without a tag is not let by");
      return false;
    }
    case RuleKind::kRate:
      if (seen.time_ns - state.since_ns >= rule.window_ns) {
        state.since_ns = seen.time_ns;
        state.count = 0;
      }
      if (state.count >= rule.count_max) {
        *text =
            Words("more than ", rule.count_max, " messages in ", rule.window_ns / kNsPerMs, " ms");
        return false;
      }
      ++state.count;
      return true;
    case RuleKind::kBudget:
    case RuleKind::kExpires:
      if (rule.kind == RuleKind::kExpires && rule.window_ns >= 0 &&
          seen.time_ns - state.since_ns >= rule.window_ns) {
        *text = "it has expired";
        return false;
      }
      if (rule.count_max >= 0 && state.count >= rule.count_max) {
        *text = rule.kind == RuleKind::kBudget
                    ? Words("the budget of ", rule.count_max, " messages is spent")
                : rule.count_max == 1 ? std::string("it was for one use")
                                      : Words("it was for ", rule.count_max, " uses");
        return false;
      }
      ++state.count;
      return true;
    case RuleKind::kFunction:
      break;
  }
  return true;
}

Verdict Policy::JudgeFunction(Core& core, const Rule& rule, State& state, const Seen& seen) {
  using How = Language::Applied::How;
  Verdict verdict;
  const Result crossing = DescribeSeen(core, seen);
  if (!crossing.ok()) {
    verdict.kind = Verdict::Kind::kNoRoom;
    return verdict;
  }
  const Value arguments[] = {state.value, crossing.value(),
                             has_clock_ ? MakeInt(core.heap(), seen.time_ns) : Value::Nil()};
  const Language::Applied applied = core.Apply(rule.function, arguments, kPolicyStepsMax);
  core.ChargeWork(applied.steps);
  if (applied.how == How::kNoRoom) {
    verdict.kind = Verdict::Kind::kNoRoom;
    return verdict;
  }
  verdict.kind = Verdict::Kind::kDeny;
  if (applied.how == How::kFailed) {
    verdict.text = applied.steps >= kPolicyStepsMax
                       ? Words("the rule took more than ", kPolicyStepsMax, " steps")
                       : Words("the rule failed: ", Show(applied.value));
    return verdict;
  }
  Value said = applied.value;
  if (IsList(said)) {
    if (ListSize(said) != 2) {
      verdict.text = "the policy's answer is no [verdict, state]";
      return verdict;
    }
    state.value = ListAt(said, 1);
    said = ListAt(said, 0);
  }
  if (Is(said, "pass", 0)) {
    verdict.kind = Verdict::Kind::kPass;
  } else if (Is(said, "deny", 0)) {
    verdict.text = "by the policy";
  } else if (Is(said, "deny", 1)) {
    verdict.text = TextOf(FieldsOf(said)[0]);
  } else if (Is(said, "rewrite", 1)) {
    verdict.kind = Verdict::Kind::kRewrite;
    verdict.message = FieldsOf(said)[0];
  } else if (Is(said, "redirect", 2) && FieldsOf(said)[0].is_target() &&
             seen.what == Crossed::kMessage) {
    verdict.kind = Verdict::Kind::kRedirect;
    verdict.target = FieldsOf(said)[0];
    verdict.message = FieldsOf(said)[1];
  } else {
    verdict.text =
        "the policy's verdict is none of #pass, #deny(reason), #rewrite(v), "
        "#redirect(ref, v)";
  }
  return verdict;
}

Verdict Policy::Judge(Core& core, const Seen& seen) {
  if (has_state_) {
    before_ = states_;
    can_take_back_ = true;
  }
  Seen now = seen;
  Verdict verdict;
  verdict.message = seen.message;
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].kind != RuleKind::kFunction) {
      if (JudgeData(rules_[i], states_[i], now, &verdict.text)) continue;
      verdict.kind = Verdict::Kind::kDeny;
      return verdict;
    }
    Verdict said = JudgeFunction(core, rules_[i], states_[i], now);
    switch (said.kind) {
      case Verdict::Kind::kPass:
        break;
      case Verdict::Kind::kNoRoom:
        TakeBack();
        return said;
      case Verdict::Kind::kDeny:
        return said;
      case Verdict::Kind::kRedirect:
        verdict.target = said.target;
        [[fallthrough]];
      case Verdict::Kind::kRewrite:
        if (verdict.kind != Verdict::Kind::kRedirect) verdict.kind = said.kind;
        verdict.message = now.message = said.message;
        break;
    }
  }
  return verdict;
}

void Policy::Count(uint64_t bytes) {
  for (size_t i = 0; i < rules_.size(); ++i) {
    if (rules_[i].kind == RuleKind::kBudget) states_[i].bytes += static_cast<int64_t>(bytes);
  }
}

void Policy::TakeBack() {
  if (!std::exchange(can_take_back_, false)) return;
  states_.swap(before_);
}

void Policy::Visit(Visitor& visitor) {
  for (Rule& rule : rules_) {
    if (!rule.tags.empty()) visitor.Visit(rule.tags.data(), rule.tags.size());
    visitor.Visit(&rule.function, 1);
  }
  for (State& state : states_) visitor.Visit(&state.value, 1);
  for (State& state : before_) visitor.Visit(&state.value, 1);
  if (!logs_.empty()) visitor.Visit(logs_.data(), logs_.size());
}

int64_t Policy::bytes() const {
  size_t bytes = sizeof *this + rules_.capacity() * sizeof(Rule) +
                 (states_.size() + rules_.size()) * sizeof(State) +
                 logs_.capacity() * sizeof(Value);
  for (const Rule& rule : rules_) bytes += rule.tags.capacity() * sizeof(Value);
  return static_cast<int64_t>(bytes);
}

}  // namespace vesicle
