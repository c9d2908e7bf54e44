// ScriptCode: the C++ half of a compiled unit: its instructions, and from where in
// the source they came. CodeDraft is the same before it is linked: its constants
// may still be names of other units, of builtins or of another module's items.
//
// Ownership: a code object (actor/code.h) owns its ScriptCode, which keeps the
//            Source alive for reports. The code of a module lives and dies as one
//            (module_loader.cc), so one unit counts the bytes of the Source for all.
// Limits:    opcodes.h.
#ifndef VESICLE_VM_SCRIPT_COMPILE_SCRIPT_CODE_H_
#define VESICLE_VM_SCRIPT_COMPILE_SCRIPT_CODE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vm/actor/code.h"
#include "vm/actor/fault.h"
#include "vm/script/compile/opcodes.h"
#include "vm/script/program_text.h"
#include "vm/script/syntax/ast.h"
#include "vm/script/syntax/source.h"

namespace vesicle {

// What the instructions from `pc` on were compiled from, up to the next row.
struct PlaceRow {
  uint32_t pc;
  Span span;
};

// A constant before linking.
struct ConstantDraft {
  enum class Kind : uint8_t {
    kValue,         // `value`
    kCode,          // the code of `unit`
    kFunction,      // `unit` as a function value
    kBehavior,      // `unit`, which has no parameters, as a behavior value
    kTable,         // this module's table of `let`s
    kImportedCode,  // the same of `member` in the module that `item` imports
    kImportedFunction,
    kImportedBehavior,
    kImportedValue,
    kBuiltinCode,  // the same of builtin `id`
    kBuiltinFunction,
    kBuiltinValue,
  };
  Kind kind = Kind::kValue;
  Value value = {};
  const Unit* unit = nullptr;
  const Item* item = nullptr;
  std::string_view member = {};
  uint32_t id = 0;

  friend bool operator==(const ConstantDraft&, const ConstantDraft&) = default;
};

struct CodeDraft {
  const Unit* unit = nullptr;
  std::string name;
  UnitKind kind = UnitKind::kFunction;
  CodeHeader header{};
  std::vector<Instruction> instructions;
  std::vector<ConstantDraft> constants;
  std::vector<PlaceRow> places;
};

enum class CountsSource : uint8_t { kNo, kYes };

class ScriptCode final : public CodeBody {
 public:
  ScriptCode(CodeDraft draft, std::shared_ptr<const Source> source,
             CountsSource counts = CountsSource::kNo);

  const std::string& name() const override { return name_; }
  size_t bytes() const override { return bytes_; }
  UnitKind kind() const { return kind_; }
  const CodeHeader& header() const { return *reinterpret_cast<const CodeHeader*>(words_.get()); }
  // What word 2 of the code object points to: the header, then the instructions.
  void* pointer() const { return words_.get(); }
  const Instruction* begin() const { return First(words_.get()); }
  uint32_t size() const { return size_; }

  // Where instruction number `pc` came from.
  Span SpanAt(uint32_t pc) const;
  Place PlaceAt(uint32_t pc) const;
  const Source* source() const { return source_.get(); }
  // By what other VMs know it.
  const CodeOrigin& origin() const { return origin_; }
  void set_origin(CodeOrigin origin) { origin_ = std::move(origin); }

  static const Instruction* First(const void* pointer) {
    return static_cast<const Instruction*>(pointer) + sizeof(CodeHeader) / sizeof(Instruction);
  }

 private:
  std::string name_;
  UnitKind kind_;
  uint32_t size_;
  size_t bytes_;
  std::unique_ptr<uint64_t[]> words_;  // 64 bits wide: aligned as code.h wants it
  std::vector<PlaceRow> places_;
  std::shared_ptr<const Source> source_;  // null: made by the VM
  CodeOrigin origin_;
};

// A span as a report shows it.
Place MakePlace(const Source& source, Span span);

}  // namespace vesicle

#endif  // VESICLE_VM_SCRIPT_COMPILE_SCRIPT_CODE_H_
