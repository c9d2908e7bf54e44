// What C++ types become as values, and what is taken back.
#include "vm/native/convert.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "vm/native/vm.h"
#include "vm/value/compare.h"
#include "vm/value/print.h"

namespace vesicle {
namespace {

struct Point {
  double x = 0;
  double y = 0;
  friend bool operator==(const Point&, const Point&) = default;
  using Fields = vesicle::FieldList<&Point::x, &Point::y>;
};
struct LineStyle {
  std::string color_name;
  std::optional<uint8_t> width;
  std::vector<Point> corners;
  friend bool operator==(const LineStyle&, const LineStyle&) = default;
  using Fields = vesicle::FieldList<&LineStyle::color_name, &LineStyle::width, &LineStyle::corners>;
};
struct Renamed {
  int64_t n = 0;
  static constexpr std::string_view kName = "other-name";
  using Fields = vesicle::FieldList<&Renamed::n>;
};

template <typename T>
std::string Shown(Vm& vm, const T& t) {
  return Print(ToValue(vm, t));
}
template <typename T>
std::string ErrorOf(Vm& vm, Value v) {
  const absl::StatusOr<T> t = FromValue<T>(vm.core(), v);
  return t.ok() ? "none" : std::string(t.status().message());
}
template <typename T>
void ComesBack(Vm& vm, const T& t) {
  const absl::StatusOr<T> back = FromValue<T>(vm.core(), ToValue(vm, t));
  REQUIRE_MESSAGE(back.ok(), back.status().ToString());
  CHECK(*back == t);
}

TEST_CASE("convert: each type is the value that the table says") {
  Vm vm;
  CHECK(Shown(vm, int8_t{-3}) == "-3");
  CHECK(Shown(vm, std::numeric_limits<uint64_t>::max()) == "18446744073709551615");
  CHECK(Shown(vm, uint64_t{1} << 63) == "9223372036854775808");
  CHECK(Shown(vm, 1.5f) == "1.5");
  CHECK(Shown(vm, true) == "true");
  CHECK(Shown(vm, std::string("a \"b\"")) == R"("a \"b\"")");
  CHECK(Shown(vm, ByteString{std::string("\0a", 2)}) == R"(b"\x00a")");
  CHECK(Shown(vm, std::optional<int>()) == "nil");
  CHECK(Shown(vm, std::optional<int>(3)) == "3");
  CHECK(Shown(vm, std::vector<std::string>{"a", "b"}) == R"(["a", "b"])");
  CHECK(Shown(vm, std::pair<int, bool>(1, false)) == "[1, false]");
  CHECK(Shown(vm, std::map<std::string, int>{{"b", 2}, {"a", 1}}) == "{a: 1, b: 2}");
  CHECK(Shown(vm, std::map<int, std::string>{{3, "x"}}) == "{[3]: \"x\"}");
  CHECK(Shown(vm, std::variant<int, std::string>("x")) == "\"x\"");
  CHECK(Shown(vm, Point{1, 2.5}) == "#point(1.0, 2.5)");
  CHECK(Shown(vm, LineStyle{"red", 3, {{0, 1}}}) == "#line_style(\"red\", 3, [#point(0.0, 1.0)])");
  CHECK(Shown(vm, Renamed{4}) == "#\"other-name\"(4)");
}

TEST_CASE("convert: what went out comes back the same") {
  Vm vm;
  ComesBack<int64_t>(vm, std::numeric_limits<int64_t>::min());
  ComesBack<int64_t>(vm, std::numeric_limits<int64_t>::max());
  ComesBack<uint64_t>(vm, std::numeric_limits<uint64_t>::max());
  ComesBack<double>(vm, 1e300);
  ComesBack<std::string>(vm, "a text longer than seven bytes, \xc3\xa9");
  ComesBack<ByteString>(vm, {std::string("\xff\0\x80", 3)});
  ComesBack<std::tuple<int, std::string, bool>>(vm, {1, "two", true});
  ComesBack<LineStyle>(vm, {"blue", std::nullopt, {{1, 2}, {3, 4}}});
  ComesBack<std::map<std::string, std::vector<std::optional<int>>>>(
      vm, {{"one", {1, std::nullopt}}, {"none", {}}});
  const uint64_t seed = std::random_device{}();
  INFO("seed ", seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 1000; ++i) {
    ComesBack<uint64_t>(vm, random() >> (random() % 64));
    ComesBack<int64_t>(vm, static_cast<int64_t>(random()) >> (random() % 64));
    ComesBack<std::variant<int64_t, std::string>>(
        vm, random() % 2 == 0
                ? std::variant<int64_t, std::string>(static_cast<int64_t>(i))
                : std::variant<int64_t, std::string>(std::string(random() % 20, 'x')));
  }
}

TEST_CASE("convert: integers are taken in range, floats of any number") {
  Vm vm;
  for (const int64_t i : {-129, -128, 127, 128}) {
    CHECK(FromValue<int8_t>(vm.core(), vm.Int(i)).ok() == (i >= -128 && i <= 127));
  }
  CHECK(ErrorOf<uint32_t>(vm, vm.Int(-1)) ==
        "wanted an integer of 32 bits without sign, got integer -1");
  CHECK(ErrorOf<uint64_t>(vm, vm.Int(-1)) ==
        "wanted an integer of 64 bits without sign, got integer -1");
  CHECK(ErrorOf<int>(vm, vm.Float(3.0)) == "wanted an integer of 32 bits, got float 3.0");
  CHECK(*FromValue<double>(vm.core(), vm.Int(3)) == 3.0);
  CHECK(ErrorOf<bool>(vm, vm.Int(1)) == "wanted true or false, got integer 1");
}

TEST_CASE("convert: what is refused says where, what was wanted and what was there") {
  Vm vm;
  const auto list = [&](std::initializer_list<Value> values) { return vm.List(values); };
  CHECK(ErrorOf<std::vector<int>>(vm, list({vm.Int(1), vm.Text("x")})) ==
        "element 1: wanted an integer of 32 bits, got text \"x\"");
  CHECK(ErrorOf<Point>(vm, vm.Tagged("point", 1.0, "x")) ==
        "field y of #point: wanted a number, got text \"x\"");
  CHECK(ErrorOf<Point>(vm, vm.Tagged("point", 1.0)) == "wanted #point(x, y), got #point(1.0)");
  CHECK(ErrorOf<std::vector<LineStyle>>(
            vm, list({vm.Tagged("line_style", "red", vm.Nil(),
                                list({vm.Tagged("point", 1.0, vm.Nil())}))})) ==
        "element 0: field corners of #line_style: element 0: field y of #point: wanted a number, "
        "got nil");
  CHECK(ErrorOf<std::map<std::string, int>>(vm, vm.Map({{"a", vm.Symbol("b")}})) ==
        "the value of \"a\": wanted an integer of 32 bits, got symbol #b");
  CHECK(ErrorOf<std::variant<int, Point>>(vm, vm.Text("x")) ==
        "wanted an integer of 32 bits, or #point(x, y), got text \"x\"");
  CHECK(ErrorOf<std::pair<int, int>>(vm, list({vm.Int(1)})) == "wanted a list of 2, got list [1]");
}

TEST_CASE("convert: a variant is the first alternative that takes the value") {
  Vm vm;
  using V = std::variant<int64_t, double, std::string>;
  CHECK(FromValue<V>(vm.core(), vm.Int(1))->index() == 0);
  CHECK(FromValue<V>(vm.core(), vm.Float(1))->index() == 1);
  CHECK(FromValue<V>(vm.core(), vm.Text(""))->index() == 2);
}

TEST_CASE("convert: a list that shares its parts does not fill the host's memory") {
  Vm vm;
  Heap& heap = vm.core().heap();
  Value numbers = vm.List({vm.Int(1), vm.Int(2)});
  for (int i = 0; i < 38; ++i) numbers = Concat(heap, numbers, numbers).value();
  CHECK(ErrorOf<std::vector<int>>(vm, numbers).starts_with("more than 1048576 elements"));
  // Small lists of one long text.
  const Value text = vm.Text(std::string(1 << 20, 'x'));
  std::vector<Value> many(1000, text);
  CHECK(ErrorOf<std::vector<std::string>>(vm, vm.List(many))
            .starts_with("element 64: more than 1048576 elements or 67108864 bytes"));
  // A variant is not another way around it.
  using V = std::variant<std::vector<int>, std::vector<int64_t>, Value>;
  CHECK(ErrorOf<V>(vm, numbers).starts_with("more than 1048576 elements"));
}

}  // namespace
}  // namespace vesicle
