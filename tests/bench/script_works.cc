#include "tests/bench/script.h"
#include "tests/bench/works.h"

namespace vesicle::bench {
namespace {

class ScriptWorks final : public Works {
 public:
  void BuildRing(int64_t actors, Linking linking) override {
    Do(ring_, linking == Linking::kInOrder ? "build" : "build_shuffled", actors);
  }
  void Laps(int64_t laps) override { Do(ring_, "laps", laps); }
  void Burst(int64_t senders, int64_t messages) override { Do(fanin_, "burst", senders, messages); }
  void Paced(int64_t senders, int64_t messages) override { Do(fanin_, "paced", senders, messages); }
  void Create(int64_t actors) override { Do(create_, "make", actors); }
  void Fill(int64_t actors) override { Do(idle_, "fill", actors); }
  void PingPong(int64_t messages) override { Do(ping_pong_, "play", messages); }

 private:
  template <typename... Sizes>
  static void Do(Script& script, const char* what, Sizes... sizes) {
    script.Ask(script.vm().Tagged(what, sizes...));
  }

  Script ring_{"ring"};
  Script fanin_{"fanin"};
  Script create_{"create"};
  Script idle_{"idle"};
  Script ping_pong_{"ping_pong"};
};

}  // namespace

std::unique_ptr<Works> MakeScriptWorks() { return std::make_unique<ScriptWorks>(); }

}  // namespace vesicle::bench
