#include "transport/newcomers.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "transport/virtual_environment.h"

namespace vesicle {
namespace {

struct Hall {
  Hall(const Newcomers::Bounds& bounds) : newcomers(std::make_shared<Newcomers>(world, bounds)) {}
  void Arrive(int who, const std::string& address) {
    places[who] = newcomers->Arrive(address, [this, who](absl::Status why) {
      gone.push_back(who);
      codes.push_back(why.code());
      places.erase(who);
    });
  }
  VirtualEnvironment world{1};
  std::shared_ptr<Newcomers> newcomers;
  std::map<int, std::unique_ptr<Newcomers::Place>> places;
  std::vector<int> gone;
  std::vector<absl::StatusCode> codes;
};

}  // namespace

TEST_CASE("newcomers: over the bound the oldest goes, of one address or of all") {
  Hall hall({.total_max = 4, .per_address_max = 2, .ms_max = 0});
  hall.Arrive(1, "a");
  hall.Arrive(2, "b");
  hall.Arrive(3, "a");
  hall.Arrive(4, "a");
  CHECK(hall.gone == std::vector<int>{1});
  hall.Arrive(5, "c");
  hall.Arrive(6, "d");
  CHECK(hall.gone == std::vector<int>{1, 2});
  // Who is known is counted no longer.
  hall.places.erase(3);
  hall.Arrive(7, "a");
  CHECK(hall.gone == std::vector<int>{1, 2});
  CHECK(hall.newcomers->size() == 4);
  CHECK(hall.newcomers->evicted() == 2);
  CHECK(hall.codes[0] == absl::StatusCode::kResourceExhausted);
}

TEST_CASE("newcomers: those without an address share the bound of all alone") {
  Hall hall({.total_max = 3, .per_address_max = 1, .ms_max = 0});
  for (int i = 0; i < 4; ++i) hall.Arrive(i, "");
  CHECK(hall.gone == std::vector<int>{0});
}

TEST_CASE("newcomers: nobody stays longer than his time") {
  Hall hall({.total_max = 0, .per_address_max = 0, .ms_max = 10});
  hall.Arrive(1, "a");
  hall.world.RunFor(6'000'000);
  hall.Arrive(2, "a");
  hall.Arrive(3, "a");
  hall.places.erase(3);
  hall.world.RunFor(5'000'000);
  CHECK(hall.gone == std::vector<int>{1});
  hall.world.RunFor(6'000'000);
  CHECK(hall.gone == std::vector<int>{1, 2});
  CHECK(hall.codes[1] == absl::StatusCode::kDeadlineExceeded);
  CHECK_FALSE(hall.world.Step());  // no timer without somebody who waits
  // The places outlive who gave them.
  hall.Arrive(4, "a");
  hall.newcomers.reset();
  hall.places.clear();
}

}  // namespace vesicle
