// ProgramStore and ProgramCourier: how code gets from one VM of a process to another. The store
// numbers the texts of programs, equal ones alike, for all VMs; each VM has a courier, which knows
// what those numbers are in its own heap, and loads a text when a behavior of it first comes.
//
//   ProgramStore store;                                // one for all
//   ProgramCourier courier(store, vm);                 // one for each VM
//   NetworkOptions options = {.code = &courier};
#ifndef VESICLE_TRANSPORT_HOST_PROGRAM_STORE_H_
#define VESICLE_TRANSPORT_HOST_PROGRAM_STORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "transport/session/code_courier.h"
#include "vm/heap/root.h"
#include "vm/native/vm.h"
#include "vm/script/program_text.h"

namespace vesicle {

// Threads:   any, all of it.
// Ownership: keeps the texts as long as it lives.
// Limits:    kProgramsMax.
class ProgramStore {
 public:
  static constexpr size_t kProgramsMax = 10'000;

  // Its number: the same for what has the same name and files. Nothing: there are too many.
  std::optional<uint32_t> Add(const std::shared_ptr<const ProgramText>& program);
  // Null: it has no such number.
  std::shared_ptr<const ProgramText> Get(uint32_t number) const;

 private:
  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<const ProgramText>> programs_;
  std::map<std::string, uint32_t> by_hash_;  // SHA-256 of names and texts
};

// Threads:   its VM's.
// Ownership: borrows both, which outlive it. What it has loaded stays loaded, and is paid for by
// who
//            sent it first.
// Limits:    kModulesMax modules.
class ProgramCourier final : public CodeCourier {
 public:
  static constexpr size_t kModulesMax = 10'000;

  ProgramCourier(ProgramStore& store, Vm& vm);
  std::optional<CodeName> NameOf(const Object* code) override;
  Result CodeOf(const CodeName& name) override;

 private:
  // Of a builtin the unit is its number, and the module says whether it is a value.
  static constexpr uint32_t kBuiltins = UINT32_MAX;
  static constexpr uint32_t kIsValue = 1;
  // The code of all units of a module: a tuple, and where they begin in it.
  struct Units {
    Root table;
    uint32_t first = 0;
  };
  using ModuleKey = std::pair<uint32_t, uint32_t>;  // program, module

  std::optional<CodeName> NameOfBuiltin(const Object* code);
  void Learn(uint32_t program, uint32_t module, const Object* code);
  std::optional<uint32_t> NumberOf(const std::shared_ptr<const ProgramText>& program);

  ProgramStore& store_;
  Vm& vm_;
  std::map<std::shared_ptr<const ProgramText>, uint32_t> numbers_;
  std::map<ModuleKey, Units> units_;
};

}  // namespace vesicle

#endif  // VESICLE_TRANSPORT_HOST_PROGRAM_STORE_H_
