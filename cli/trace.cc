#include "cli/trace.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/report.h"
#include "vm/actor/code.h"
#include "vm/value/print.h"

namespace vesicle::cli {

namespace {

std::string Shown(Value v) { return Print(v, kReportOptions); }

// A line for each effect, `  send counter <- #get`.
std::string EffectsText(Core& core, const TurnState& turn, const char* before) {
  std::string text;
  if (!turn.become.is_absent()) {
    absl::StrAppend(&text, before, "become ",
                    NameText(code::Body(code::Of(turn.become.data()))->name()), "\n");
  }
  core.sponsor().queue.ForEachSince(turn.mark, [&](const Event& event) {
    if (event.flag() != EventFlag::kMessage) return;
    absl::StrAppend(&text, before, "send ", NameText(core.NameOf(event.target)), " <- ",
                    Shown(event.message), "\n");
  });
  return text;
}

}  // namespace

void Trace::OnUndo(Core& core, const TurnState& turn) {
  undone_ = EffectsText(core, turn, "  undone: ");
}

void Trace::OnTurn(Core& core, const TurnState& turn, TurnEnd end) {
  const std::string undone = std::exchange(undone_, "");
  std::fprintf(to_, "turn %llu (caused by %llu): %s <- %s%s\n",
               static_cast<unsigned long long>(turn.serial),
               static_cast<unsigned long long>(turn.cause()),
               NameText(core.NameOf(turn.receiver)).c_str(), Shown(turn.message).c_str(),
               turn.flag() == EventFlag::kBroken ? "  (a promise broke)"
               : turn.flag() == EventFlag::kKept ? "  (a promise was kept)"
                                                 : "");
  if (end == TurnEnd::kFaulted) {
    const Place& place = core.fault_place();
    std::fprintf(to_, "  fault %s%s%s\n", Shown(core.fault_reason()).c_str(),
                 place.line == 0 ? "" : " at ", PlaceText(place).c_str());
    std::fputs(undone.c_str(), to_);
    return;
  }
  if (end == TurnEnd::kQuota) {
    std::fprintf(to_, "  parked: a quota is spent\n");
    std::fputs(undone.c_str(), to_);
    return;
  }
  std::fputs(EffectsText(core, turn, "  ").c_str(), to_);
  if (!turn.reply.is_absent() && !turn.slot.is_nil()) {
    std::fprintf(to_, "  reply %s\n", Shown(turn.reply).c_str());
  }
}

}  // namespace vesicle::cli
