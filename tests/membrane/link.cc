#include "tests/membrane/link.h"

#include <utility>

#include "membrane/membrane.h"
#include "membrane/script.h"

namespace vesicle {

namespace {

// Both sides in one VM.
class OneVmLink : public Link {
 public:
  explicit OneVmLink(const VmOptions& options) : vm_(options, AddMembranes) {}
  Shore& inside() override { return inside_; }
  Shore& outside() override { return outside_; }
  void RunFor(int64_t steps) override { vm_.RunSlice(steps); }
  void Run() override {
    vm_.Run();
    const char* wrong = vm_.core().heap().Verify();
    CHECK_MESSAGE(wrong == nullptr, wrong);
  }

 protected:
  Membrane NewMembrane() {
    absl::StatusOr<Membrane> made = Membrane::Create(vm_.core(), {});
    REQUIRE(made.ok());
    return *made;
  }
  Root Pass(Membrane& membrane, Value value, Direction direction) {
    const Result passed = membrane.Pass(value, direction);
    REQUIRE(passed.ok());
    return Root(vm_.core().heap(), passed.value());
  }

 private:
  Vm vm_;
  Shore inside_{vm_, "inside.ves"};
  Shore outside_{vm_, "outside.ves"};
};

class LocalLink final : public OneVmLink {
 public:
  explicit LocalLink(const VmOptions& options) : OneVmLink(options), membrane_(NewMembrane()) {}
  Root Outward(Value value) override { return Pass(membrane_, value, Direction::kOut); }
  Root Inward(Value value) override { return Pass(membrane_, value, Direction::kIn); }
  void Revoke() override { membrane_.Revoke(); }

 private:
  Membrane membrane_;
};

// Two membranes, the outer one around the inner one, and nobody in between: for those on either
// side they are one. Either may be the one that is revoked.
class StackedLink final : public OneVmLink {
 public:
  enum class Cut { kInner, kOuter };
  StackedLink(const VmOptions& options, Cut cut)
      : OneVmLink(options), inner_(NewMembrane()), outer_(NewMembrane()), cut_(cut) {}
  Root Outward(Value value) override {
    const Root between = Pass(inner_, value, Direction::kOut);
    return Pass(outer_, between.value(), Direction::kOut);
  }
  Root Inward(Value value) override {
    const Root between = Pass(outer_, value, Direction::kIn);
    return Pass(inner_, between.value(), Direction::kIn);
  }
  void Revoke() override { (cut_ == Cut::kInner ? inner_ : outer_).Revoke(); }

 private:
  Membrane inner_;
  Membrane outer_;
  Cut cut_;
};

}  // namespace

std::unique_ptr<Link> EveryLink(const VmOptions& options,
                                const std::function<void(Link&)>& and_then) {
  using Cut = StackedLink::Cut;
  std::unique_ptr<Link> link;
  const auto use = [&](std::unique_ptr<Link> made) {
    link = std::move(made);
    if (and_then) and_then(*link);
  };
  SUBCASE("a local membrane") { use(std::make_unique<LocalLink>(options)); }
  SUBCASE("two membranes, the inner one is revoked") {
    use(std::make_unique<StackedLink>(options, Cut::kInner));
  }
  SUBCASE("two membranes, the outer one is revoked") {
    use(std::make_unique<StackedLink>(options, Cut::kOuter));
  }
  REQUIRE(link != nullptr);
  return link;
}

}  // namespace vesicle
