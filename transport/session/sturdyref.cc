#include "transport/session/sturdyref.h"

#include <string>
#include <utility>

#include "vm/actor/actor.h"
#include "vm/actor/code.h"

namespace vesicle {
namespace {

class SturdyrefCode final : public CodeBody {
 public:
  explicit SturdyrefCode(Locator locator) : locator_(std::move(locator)) {}
  const std::string& name() const override { return name_; }
  size_t bytes() const override { return sizeof *this + locator_.swiss.capacity(); }
  const Locator& locator() const { return locator_; }

  static TurnEnd Enter(Core& core, Object*) {
    --core.fuel;
    return core.Fault(core.Reason("no_clause",
                                  "a sturdyref takes no messages: host.net <- "
                                  "#connect(sturdyref) gives what it stands for"),
                      {});
  }

 private:
  Locator locator_;
  std::string name_ = "sturdyref";
};

}  // namespace

Value MakeSturdyref(Core& core, const Locator& locator) {
  Heap& heap = core.heap();
  Object* code = code::Make(heap, new SturdyrefCode(locator), &SturdyrefCode::Enter, nullptr, 0);
  Object* o = heap.Allocate(Kind::kActor, actor::kWordsMin);
  o->words()[0] = Value::Data(code);
  return Value::Target(o);
}

const Locator* SturdyrefOf(Value ref) {
  if (!IsTargetKind(ref, Kind::kActor)) return nullptr;
  const Object* code = code::Of(actor::Holder(ref.target()));
  if (code::Enter(code) != &SturdyrefCode::Enter) return nullptr;
  return &static_cast<SturdyrefCode*>(code::Body(code))->locator();
}

}  // namespace vesicle
