#include "cli/trace.h"

#include <string>

#include "cli/report.h"
#include "vm/actor/code.h"
#include "vm/value/print.h"

namespace vesicle::cli {

void Trace::OnTurn(Core& core, const TurnState& turn, TurnEnd end) {
  const auto shown = [](Value v) { return Print(v, kReportOptions); };
  std::fprintf(to_, "turn %llu (caused by %llu): %s <- %s%s\n",
               static_cast<unsigned long long>(turn.serial),
               static_cast<unsigned long long>(turn.cause), core.NameOf(turn.receiver).c_str(),
               shown(turn.message).c_str(),
               turn.flag == EventFlag::kBroken ? "  (a promise broke)"
               : turn.flag == EventFlag::kKept ? "  (a promise was kept)"
                                               : "");
  if (end == TurnEnd::kFaulted) {
    const Place& place = core.fault_place();
    std::fprintf(to_, "  fault %s%s%s\n", shown(core.fault_reason()).c_str(),
                 place.line == 0 ? "" : " at ", PlaceText(place).c_str());
    return;
  }
  if (end == TurnEnd::kQuota) {
    std::fprintf(to_, "  parked: a quota is spent\n");
    return;
  }
  if (!turn.become.is_absent()) {
    std::fprintf(to_, "  become %s\n", code::Body(code::Of(turn.become.data()))->name().c_str());
  }
  core.sponsor().queue.ForEachSince(turn.mark, [&](const Event& event) {
    if (event.flag() != EventFlag::kMessage) return;
    std::fprintf(to_, "  send %s <- %s\n", core.NameOf(event.target).c_str(),
                 shown(event.message).c_str());
  });
  if (!turn.reply.is_absent() && !turn.slot.is_nil()) {
    std::fprintf(to_, "  reply %s\n", shown(turn.reply).c_str());
  }
}

}  // namespace vesicle::cli
