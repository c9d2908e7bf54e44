// A word count on all cores: a VM for each, and in each a counter that was put there. The tally, in
// the first VM, hands a piece of the text to whoever is free, adds up what comes back, and says how
// far it is. samples/word_count_cores.ves is the same as a script.
//
//   build/release/samples/host/word_count samples/data/voyage.txt [VMS]
//
// prints, on two cores,
//   2 VMs count 6 pieces
//   50 % are counted
//   100 % are counted
//       14 the
//        5 and
//        5 cell
//   87 words, 49 different
#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "transport/host/host.h"
#include "vm/native/task/task.h"

namespace {

using Counts = std::map<std::string, int64_t>;
using Lines = std::vector<std::string>;

// One in each VM. It is called from others, by name: what it takes and returns is copied.
class Counter {
 public:
  Counts Count(const Lines& lines) {
    Counts counts;
    for (const std::string& line : lines) {
      std::string word;
      for (const char c : line + " ") {
        if (std::isalpha(static_cast<unsigned char>(c))) {
          word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        } else if (!word.empty()) {
          ++counts[std::exchange(word, {})];
        }
      }
    }
    return counts;
  }
  using Methods = vesicle::Methods<&Counter::Count>;
};

class Tally {
 public:
  explicit Tally(std::vector<Lines> pieces) : pieces_(std::move(pieces)), all_(pieces_.size()) {}

  // One task for each counter, which has one piece at a time: who is fast counts more of them.
  vesicle::Task<absl::Status> Feed(vesicle::ActorRef<Counter> counter) {
    while (!pieces_.empty()) {
      Lines piece = std::move(pieces_.back());
      pieces_.pop_back();
      const absl::StatusOr<Counts> counts = co_await counter.Ask(&Counter::Count, piece);
      if (!counts.ok()) {
        pieces_.push_back(std::move(piece));  // for the others
        co_return counts.status();
      }
      for (const auto& [word, n] : *counts) total_[word] += n;
      ShowProgress();
    }
    co_return absl::OkStatus();
  }
  // None, when there is a piece that nobody counted.
  absl::StatusOr<Counts> Total() const {
    if (done_ == all_) return total_;
    return absl::UnavailableError(std::to_string(all_ - done_) + " pieces are not counted");
  }

 private:
  void ShowProgress() {
    ++done_;
    for (const size_t percent : {50, 100}) {
      // The first time that so much is done.
      if (done_ * 100 >= percent * all_ && (done_ - 1) * 100 < percent * all_) {
        std::cout << percent << " % are counted\n";
      }
    }
  }

  std::vector<Lines> pieces_;  // that nobody has taken
  size_t all_;
  size_t done_ = 0;
  Counts total_;
};

std::vector<Lines> PiecesOf(std::istream& file) {
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  const size_t size = std::max<size_t>(2, lines.size() / 64);
  std::vector<Lines> pieces;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i % size == 0) pieces.emplace_back();
    pieces.back().push_back(std::move(lines[i]));
  }
  return pieces;
}

void Print(const Counts& total) {
  std::vector<std::pair<std::string, int64_t>> words(total.begin(), total.end());
  // Of the same frequency, as the alphabet has them.
  std::stable_sort(words.begin(), words.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  int64_t sum = 0;
  for (const auto& [word, n] : words) sum += n;
  for (size_t i = 0; i < std::min<size_t>(3, words.size()); ++i) {
    std::cout << std::setw(6) << words[i].second << " " << words[i].first << "\n";
  }
  std::cout << sum << " words, " << words.size() << " different\n";
}

int Fail(const absl::Status& why) {
  std::cerr << why << "\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::ifstream file(argc > 1 ? argv[1] : "");
  if (!file) return Fail(absl::NotFoundError("no such file: word_count FILE [VMS]"));
  const int vms = argc > 2 ? std::atoi(argv[2]) : 0;  // 0: as many as there are cores
  std::vector<Lines> pieces = PiecesOf(file);

  // VM 0 is ours, and runs on this thread; the host makes the others, and their threads.
  vesicle::Vm vm;
  const auto loop = vesicle::VmLoop::Create(vm);
  if (!loop.ok()) return Fail(loop.status());
  const auto host = vesicle::Host::Create({.vms = vms, .first = loop->get()});
  if (!host.ok()) return Fail(host.status());
  vesicle::HostVm& here = (*host)->vm(0);
  std::cout << (*host)->vms() << " VMs count " << pieces.size() << " pieces\n";
  const vesicle::ActorRef<Tally> tally = vm.Spawn<Tally>(std::move(pieces));

  for (int i = 0; i < (*host)->vms(); ++i) {
    vesicle::HostVm& there = (*host)->vm(i);
    // On the thread of VM i: a counter is put there, and told to the tally on the thread of VM 0.
    absl::Status posted =
        there.Post([&there, &here, &vm, &tally](vesicle::Vm& its_vm, vesicle::VmLoop&) {
          const vesicle::HostRef exported = there.Export(its_vm.Spawn<Counter>().value());
          (void)here.Post([&here, &vm, &tally, exported](vesicle::Vm&, vesicle::VmLoop&) {
            const vesicle::Root counter = here.Import(exported);
            const auto ref = vesicle::ActorRef<Counter>::From(vm.actors(), counter.value());
            tally.Ask(&Tally::Feed, *ref).Then([](const absl::Status& fed) {
              if (!fed.ok()) std::cerr << "a counter is lost: " << fed << "\n";
            });
          });
        });
    if (!posted.ok()) return Fail(posted);
  }

  (*host)->Join();  // until nothing is left to do in any of them
  absl::StatusOr<Counts> total = absl::UnavailableError("no answer");
  tally.Ask(&Tally::Total).Then([&](absl::StatusOr<Counts> t) { total = std::move(t); });
  vm.Run();
  if (!total.ok()) return Fail(total.status());
  Print(*total);
}
