#include "cli/cores.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/report.h"
#include "membrane/script.h"

namespace vesicle::cli {

absl::StatusOr<std::unique_ptr<Cores>> Cores::Create(VmLoop& first, int vms,
                                                     const VmOptions& options) {
  std::unique_ptr<Cores> cores(new Cores);
  HostOptions host;
  host.vms = vms;
  host.vm = options;
  host.builtins = AddMembranes;
  host.first = &first;
  host.on_end = [self = cores.get()](HostVm& vm) { self->OnEnd(vm); };
  auto made = Host::Create(std::move(host));
  if (!made.ok()) return made.status();
  cores->host_ = *std::move(made);
  HostVm& here = cores->host_->vm(0);
  for (int i = 0; i < vms; ++i) {
    HostVm& there = cores->host_->vm(i);
    std::promise<HostRef> exported;
    if (i == 0) {
      exported.set_value(here.ExportPlace());
    } else {
      const absl::Status posted =
          there.Post([&](Vm&, VmLoop&) { exported.set_value(there.ExportPlace()); });
      if (!posted.ok()) return posted;
    }
    absl::StatusOr<Root> place = here.ImportNow(exported.get_future().get());
    if (!place.ok()) return place.status();
    cores->places_.push_back(*std::move(place));
  }
  return cores;
}

void Cores::Run() {
  places_.clear();  // they live as long as the program reaches them
  host_->Join();
}

void Cores::OnEnd(HostVm& vm) {
  Core& core = vm.vm().core();
  const Core::Stats& stats = core.stats();
  const std::lock_guard<std::mutex> lock(mutex_);
  absl::StrAppend(&faults_, FaultsText(core));
  absl::StrAppend(&leftovers_, LeftoversText(core));
  absl::StrAppend(&stats_, "vm ", vm.index(), "         ", stats.turns, " turns, ", stats.actors,
                  " actors created\n");
}

}  // namespace vesicle::cli
