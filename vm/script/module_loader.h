// One load: the first file and what it imports, each compiled once, in the order
// in which they need each other. Inside module.cc.
#ifndef VESICLE_VM_SCRIPT_MODULE_LOADER_H_
#define VESICLE_VM_SCRIPT_MODULE_LOADER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "vm/script/compile/compiler.h"
#include "vm/script/module.h"
#include "vm/script/syntax/diagnostic.h"

namespace vesicle {

// When the `let`s of the modules are computed: with the load, or by ScriptModule::Starter().
enum class Lets : uint8_t { kNow, kLater };

class Loader {
 public:
  Loader(Modules& modules, const ImportText& import, Lets lets)
      : modules_(modules), import_(import), lets_(lets) {}

  LoadResult LoadFirst(std::string name, std::string text);

 private:
  class ModuleNames;

  // The module at `path`, loaded now if it was not yet; null when it has errors, which
  // are in errors_. `shown` is its name in reports.
  std::shared_ptr<ScriptModule> LoadOne(const std::string& path, const std::string& shown,
                                        std::string text);
  std::shared_ptr<ScriptModule> Import(const std::string& from, const Item& item,
                                       Diagnostics& diagnostics);
  // Makes the code objects of all drafts and fills their constants.
  bool Link(ScriptModule& module, const Ast& ast, std::shared_ptr<const Source> source,
            const std::string& path, std::vector<CodeDraft> drafts, const ModuleNames& around);
  void EvaluateConstants(ScriptModule& module, Diagnostics& diagnostics);

  Modules& modules_;
  const ImportText import_;
  const Lets lets_;
  std::shared_ptr<ProgramText> program_ = std::make_shared<ProgramText>();
  std::vector<std::shared_ptr<ScriptModule>> linked_;  // by their numbers in it
  std::string folder_;  // of the first file, with the last slash; may be empty
  std::map<std::string, std::shared_ptr<ScriptModule>> loaded_;  // by path; null: it had errors
  std::vector<std::string> loading_;                             // paths, outermost first
  std::string errors_;
};

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_MODULE_LOADER_H_
