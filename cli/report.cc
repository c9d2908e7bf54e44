#include "cli/report.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle::cli {

std::string NameText(std::string_view name) { return Printable(name, 1000); }

std::string PlaceText(const Place& place) {
  const std::string file = Printable(place.file, 1000);
  if (place.line == 0) return file;
  return absl::StrCat(file, ":", place.line, ":", place.column);
}

std::string ExcerptText(const Place& place) {
  if (place.excerpt.empty()) return "";
  // Without the indentation of the source; the caret moves along.
  size_t indent = place.excerpt.find_first_not_of(" \t");
  if (indent == std::string::npos) indent = 0;
  indent = std::min<size_t>(indent, place.column - 1);
  return absl::StrCat("  ", place.excerpt.substr(indent), "\n  ",
                      std::string(place.column - 1 - indent, ' '), "^",
                      std::string(std::max<uint32_t>(place.caret_columns, 1) - 1, '~'), "\n");
}

std::string FaultText(const FaultReport& report) {
  const std::string place = PlaceText(report.place);
  std::string text = absl::StrCat(place, place.empty() ? "" : ": ", "fault: ", report.reason, "\n",
                                  ExcerptText(report.place));
  if (!report.behavior.empty()) {
    absl::StrAppend(&text, "in ", NameText(report.behavior));
    // A task goes on with what it awaited; it was sent nothing.
    if (report.message != "nil") absl::StrAppend(&text, ", on ", report.message);
    text += "\n";
  }
  for (const FaultReport::Frame& frame : report.calls) {
    absl::StrAppend(&text, "called in ", NameText(frame.behavior), " at ", PlaceText(frame.place),
                    "\n");
  }
  if (!report.causes.empty()) {
    absl::StrAppend(
        &text, "caused by ",
        absl::StrJoin(report.causes, " <- ",
                      [](std::string* out, const std::string& cause) { *out += NameText(cause); }),
        "\n");
  }
  return text;
}

std::string FaultsText(Core& core) {
  std::string text;
  const std::vector<FaultReport> faults = core.UnobservedFaults();
  // The same fault once, with its count, at the place of the first.
  std::vector<std::pair<std::string, int64_t>> different;
  std::map<std::string, size_t> place_of;
  for (const FaultReport& fault : faults) {
    std::string one = FaultText(fault);
    const auto [at, is_new] = place_of.emplace(std::move(one), different.size());
    if (is_new) different.emplace_back(at->first, 0);
    ++different[at->second].second;
  }
  for (const auto& [fault, times] : different) {
    text += fault;
    if (times > 1) absl::StrAppend(&text, times, " times\n");
  }
  const int64_t further = core.unobserved_fault_count() - static_cast<int64_t>(faults.size());
  if (further > 0) absl::StrAppend(&text, "and ", further, " further faults\n");
  return text;
}

std::string LeftoversText(Core& core) {
  std::string text = FaultsText(core);
  // The same place once, with its count.
  std::map<std::string, int64_t> waiting;
  if (core.tasks_waiting() > 0) {
    for (const Place& place : core.WaitingPlaces()) {
      ++waiting[absl::StrCat(PlaceText(place),
                             ": a task waits here for a promise that nobody settles\n",
                             ExcerptText(place))];
    }
  }
  constexpr size_t kPlacesMax = 20;
  size_t shown = 0;
  for (const auto& [what, count] : waiting) {
    if (++shown > kPlacesMax) {
      absl::StrAppend(&text, "and tasks at ", waiting.size() - kPlacesMax, " further places\n");
      break;
    }
    text += what;
    if (count > 1) absl::StrAppend(&text, count, " tasks wait there\n");
  }
  for (const Core::Parked& parked : core.ParkedEvents()) {
    absl::StrAppend(&text, parked.events, " events are parked for want of ",
                    ResourceName(parked.dry_of), "; the first one is for ", NameText(parked.first),
                    "\n");
  }
  return text;
}

}  // namespace vesicle::cli
