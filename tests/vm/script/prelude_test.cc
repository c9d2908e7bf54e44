// The prelude: its page against its source, its examples, its scripts, and its natives
// in pieces.
#include "vm/script/prelude/prelude.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "doctest/doctest.h"
#include "tests/vm/script/script_world.h"
#include "vm/actor/promise.h"
#include "vm/value/bytes.h"
#include "vm/value/list.h"
#include "vm/value/number.h"
#include "vm/value/utf8.h"

namespace vesicle {
namespace {

std::filesystem::path ProjectFolder() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path();
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file.good(), path.string());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

class PreludeWorld : public World {
 public:
  explicit PreludeWorld(CoreOptions options = {}) : World(options) {
    RegisterPrelude(registry);
    const LoadResult prelude = modules().LoadPrelude("prelude.ves", std::string(PreludeText()));
    REQUIRE_MESSAGE(prelude.module != nullptr, prelude.errors);
  }

  // Runs all tests of `text`; a line for each that fails.
  std::string RunTests(const std::string& text) {
    if (!Load(text)) return errors;
    std::string failed;
    for (const ScriptModule::Test& test : module->tests()) {
      const Root promise(core.heap(), core.NewPromise());
      core.Deliver(core.CreateActor(module->TestBehavior(test.index)), Value::Nil(),
                   promise.value());
      Finish();
      const Object* end = promise::Root(core.heap(), promise.value().target());
      const std::string outcome = Print(promise::Outcome(end));
      if (promise::StateOf(end) != promise::State::kKept) {
        failed += test.name + ": " + outcome + "\n";
      }
    }
    return failed;
  }
};

// ---------------------------------------------------------------------------
// The page

struct Row {
  std::string call;
  std::string sentence;
  std::string example;
  std::string value;
};

// The cells of "| `call` | sentence | `example` -> `value` |", without the escapes of a table.
std::vector<Row> RowsOf(const std::string& page) {
  std::vector<Row> rows;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `")) continue;
    std::vector<std::string> cells(1);
    for (size_t i = 2; i < line.size(); ++i) {
      if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
        cells.back() += line[++i];
      } else if (line[i] == '|') {
        cells.emplace_back();
      } else {
        cells.back() += line[i];
      }
    }
    REQUIRE_MESSAGE(cells.size() == 4, line);
    const auto code = [&](std::string_view cell) {
      const size_t first = cell.find('`');
      const size_t last = cell.rfind('`');
      return std::string(cell.substr(first + 1, last - first - 1));
    };
    const std::string between = "` → `";
    const size_t arrow = cells[2].find(between);
    REQUIRE_MESSAGE(arrow != std::string::npos, line);
    rows.push_back({code(cells[0]), cells[1].substr(1, cells[1].size() - 2),
                    code(cells[2].substr(0, arrow + 1)),
                    code(cells[2].substr(arrow + between.size() - 1))});
  }
  return rows;
}

TEST_CASE("prelude: the page has every name, and says what the source says") {
  BuiltinRegistry registry;
  RegisterPrelude(registry);
  std::set<std::string> in_page;
  for (const Row& row : RowsOf(ReadFile(ProjectFolder() / "docs/prelude.md"))) {
    CHECK_MESSAGE(in_page.insert(row.call + ": " + row.sentence).second, row.call);
  }
  std::set<std::string> in_source;
  std::set<std::string> names;
  for (const PreludeEntry& entry : PreludeEntries(registry)) {
    CHECK_MESSAGE(!entry.sentence.empty(), entry.call);
    CHECK_MESSAGE(names.insert(entry.name).second, entry.name << " twice");
    in_source.insert(entry.call + ": " + entry.sentence);
  }
  for (const std::string& line : in_source) CHECK_MESSAGE(in_page.contains(line), line);
  for (const std::string& line : in_page) CHECK_MESSAGE(in_source.contains(line), line);
  // The page of the language lists them all.
  const std::string language = ReadFile(ProjectFolder() / "docs/language.md");
  const size_t begin = language.find("\n## The prelude\n"), end = language.find("\n## Limits\n");
  REQUIRE(begin < end);
  for (const std::string& name : names) {
    CHECK_MESSAGE(language.substr(begin, end - begin).find("`" + name + "`") != std::string::npos,
                  name);
  }
  // Comments of prelude.ves stand above what they are about.
  PreludeWorld world;
  for (const std::string& name : world.modules().prelude()->Names()) {
    CHECK_MESSAGE(names.contains(name), name);
  }
}

TEST_CASE("prelude: the examples of the page have the values it says") {
  std::string text;
  for (const Row& row : RowsOf(ReadFile(ProjectFolder() / "docs/prelude.md"))) {
    std::string name;
    for (const char c : row.example) {
      if (c == '"' || c == '\\' || c == '$') name += '\\';
      name += c;
    }
    text += "test \"" + name + "\" { expect (" + row.example + ") == (" + row.value + ") }\n";
  }
  PreludeWorld world;
  CHECK(world.RunTests(text) == "");
}

TEST_CASE("prelude: the scripts of tests/scripts/prelude") {
  size_t count = 0;
  for (const auto& file :
       std::filesystem::directory_iterator(ProjectFolder() / "tests/scripts/prelude")) {
    CAPTURE(file.path().filename().string());
    PreludeWorld world;
    CHECK(world.RunTests(ReadFile(file.path())) == "");
    ++count;
  }
  CHECK(count >= 6);
}

TEST_CASE("prelude: a wrong number of arguments shows how the function is called") {
  PreludeWorld world;
  const auto errors = [&](const std::string& call) {
    return world.modules().Load("t.ves", "fn f(a) = " + call).errors;
  };
  CHECK(errors("update(a, 1, 2)") ==
        "t.ves:1:11: error: `update` takes 4 arguments, here are 3\n  fn f(a) = update(a, 1, 2)\n"
        "            ^~~~~~\n  hint: `update(x, k, default, f)`\n");
  BuiltinRegistry registry;
  RegisterPrelude(registry);
  for (const PreludeEntry& entry : PreludeEntries(registry)) {
    if (entry.call.find('(') == std::string::npos || entry.call == "all(ps)") continue;
    if (entry.name == "min" || entry.name == "max") continue;  // they take any number
    const std::string found = errors(entry.name + "(1, 2, 3, 4, 5)");
    if (entry.name == "race" || entry.name == "any") continue;  // acts: told of that first
    CHECK_MESSAGE(found.find("hint: `" + entry.call + "`") != std::string::npos, found);
  }
}

TEST_CASE("prelude: its own natives are hidden") {
  PreludeWorld world;
  CHECK(world.Run("fn f(x) = _list(x, \"f\")").find("_list") != std::string::npos);
}

// ---------------------------------------------------------------------------
// Natives in pieces

// Calls natives on a bare Core, each piece with little fuel, and collects everything
// between two of them.
class Pieces : public Language {
 public:
  explicit Pieces(int64_t fuel) : core(CoreOptions{}), fuel_(fuel) {
    RegisterPrelude(registry_);
    core.set_language(this);
  }

  // Prints what it failed with, after "fault: ".
  Value Call(std::string_view name, std::vector<Value> args) {
    const BuiltinEntry& entry = registry_.entry(*registry_.Find(name));
    int64_t fuel = fuel_;
    BuiltinContext context(core, fuel, name);
    BuiltinResult result = entry.fn(context, args.data(), static_cast<int>(args.size()));
    pieces = 1;
    most = fuel_ - fuel;
    if (result.kind() == BuiltinResult::Kind::kJob) {
      job_ = result.take_job();
      do {
        core.heap().Collect(pieces % 3 == 0 ? Heap::Scope::kFull : Heap::Scope::kYoung);
        fuel = fuel_;
        result = job_->Run(context);
        most = std::max(most, fuel_ - fuel);
        ++pieces;
      } while (result.kind() == BuiltinResult::Kind::kMore);
      job_.reset();
    }
    if (result.ok()) return result.value();
    REQUIRE(result.kind() == BuiltinResult::Kind::kFailed);
    return Text("fault: " + Print(result.value()));
  }
  std::string Bytes(std::string_view name, std::vector<Value> args) {
    const Value made = Call(name, std::move(args));
    if (IsBytes(made)) return std::string(BytesView(made));
    REQUIRE(IsText(made));
    // A text knows whether it is ASCII, and so its length.
    const std::string text(TextView(made));
    CHECK(IsAsciiText(made) == (ClassifyUtf8(text) == Utf8Class::kAscii));
    return text;
  }
  std::vector<std::string> Texts(std::string_view name, std::vector<Value> args) {
    const Value list = Call(name, std::move(args));
    REQUIRE_MESSAGE(IsList(list), Print(list));
    std::vector<std::string> texts;
    for (uint64_t i = 0; i < ListSize(list); ++i) {
      const Value x = ListAt(list, i);
      texts.push_back(IsText(x) ? std::string(TextView(x)) : Print(x));
    }
    return texts;
  }
  Value Text(std::string_view text) { return MakeText(core.heap(), text).value(); }

  void VisitRoots(Visitor& visitor) override {
    if (job_ != nullptr) job_->Visit(visitor);
  }

  Core core;
  int pieces = 0;
  int64_t most = 0;  // steps of one piece

 private:
  BuiltinRegistry registry_;
  int64_t fuel_;
  std::unique_ptr<BuiltinJob> job_;
};

// Letters, white space and long characters; `n` code points.
std::string RandomText(std::mt19937_64& rng, size_t n) {
  static constexpr const char* kParts[] = {"a", "B", ",", " ", "\n", "\r\n", "é", "€", "😀", "z"};
  std::string text;
  for (size_t i = 0; i < n; ++i) text += kParts[rng() % 10];
  return text;
}

std::vector<std::string> SplitModel(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  size_t at = 0;
  for (size_t next; (next = text.find(separator, at)) != std::string::npos;
       at = next + separator.size()) {
    parts.push_back(text.substr(at, next - at));
  }
  parts.push_back(text.substr(at));
  return parts;
}

std::string ReplaceModel(const std::string& text, const std::string& a, const std::string& b) {
  std::string out;
  const std::vector<std::string> parts = SplitModel(text, a);
  for (size_t i = 0; i < parts.size(); ++i) out += (i > 0 ? b : "") + parts[i];
  return out;
}

TEST_CASE("prelude: natives on texts give the same in one piece and in many") {
  std::mt19937_64 rng(7);
  for (const size_t points : {0, 1, 7, 100, 3000, 300000}) {
    CAPTURE(points);
    const std::string text = RandomText(rng, points);
    const int64_t fuels[] = {1, kBuiltinStepsMax};
    for (const int64_t fuel : fuels) {
      if (fuel == 1 && points > 3000) continue;
      CAPTURE(fuel);
      Pieces run(fuel);
      const Root t(run.core.heap(), run.Text(text));
      const auto n = [](uint64_t i) { return Value::SmallInt(static_cast<int64_t>(i)); };
      const uint64_t size = CountCodePoints(text);

      CHECK(run.Call("size", {t.value()}) == n(size));
      std::string upper = text;
      for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
      CHECK(run.Bytes("upper", {t.value()}) == upper);
      CHECK(run.most <= kBuiltinStepsMax * 5 / 4);
      const std::string digits(points, '7'), letters(points, 'q'), blanks(points, '\n');
      const auto all = [&](const char* name, const std::string& of) {
        return run.Call(name, {run.Text(of)}) == Value::True();
      };
      CHECK(all("is_digit", digits) == (points > 0));
      CHECK(all("is_letter", letters) == (points > 0));
      CHECK(all("is_blank", blanks));
      CHECK(run.most <= kBuiltinStepsMax * 5 / 4);
      for (const std::string other : {"/", ":", "@", "[", "`", "{", "é"}) {
        CHECK(!all("is_digit", digits + other));
        CHECK(!all("is_letter", letters + other));
        CHECK(!all("is_blank", blanks + other));
      }
      for (const std::string separator : {",", "\r\n", "é", "a€", "zzzzzzzz"}) {
        CHECK(run.Texts("split", {t.value(), run.Text(separator)}) == SplitModel(text, separator));
        CHECK(run.Bytes("replace", {t.value(), run.Text(separator), run.Text("<é>")}) ==
              ReplaceModel(text, separator, "<é>"));
        CHECK(run.most <= kBuiltinStepsMax * 5 / 4);
        const size_t found = text.find(separator);
        CHECK((run.Call("contains", {t.value(), run.Text(separator)}) == Value::True()) ==
              (found != std::string::npos));
        CHECK(run.Call("index_of", {t.value(), run.Text(separator)}) ==
              (found == std::string::npos ? Value::Nil()
                                          : n(CountCodePoints(text.substr(0, found)))));
      }
      CHECK(run.Bytes("join", {run.Call("split", {t.value(), run.Text(" ")}), run.Text(" ")}) ==
            text);
      CHECK(run.Bytes("join", {run.Call("chars", {t.value()})}) == text);
      CHECK(run.Bytes("from_code_points", {run.Call("code_points", {t.value()})}) == text);
      CHECK(run.Bytes("text_of", {run.Call("bytes", {t.value()})}) == text);
      CHECK(run.Bytes("from_hex", {run.Call("hex", {run.Call("bytes", {t.value()})})}) == text);
      CHECK(run.Bytes("reverse", {run.Call("reverse", {t.value()})}) == text);
      CHECK(run.Bytes("bytes", {run.Call("byte_list", {run.Call("bytes", {t.value()})})}) == text);
      CHECK(run.Bytes("repeat", {t.value(), n(3)}) == text + text + text);

      for (const uint64_t k : {uint64_t{0}, uint64_t{1}, size / 3, size, size + 5}) {
        const uint64_t cut = std::min(k, size);
        const size_t front = OffsetOfCodePoint(text, cut);
        const size_t back = OffsetOfCodePoint(text, size - cut);
        CHECK(run.Bytes("take", {t.value(), n(k)}) == text.substr(0, front));
        CHECK(run.Bytes("drop", {t.value(), n(k)}) == text.substr(front));
        CHECK(run.Bytes("take_last", {t.value(), n(k)}) == text.substr(back));
        CHECK(run.Bytes("drop_last", {t.value(), n(k)}) == text.substr(0, back));
        const std::string rest = text.substr(front);
        CHECK(run.Bytes("slice", {t.value(), n(k), n(5)}) ==
              rest.substr(0, OffsetOfCodePoint(rest, 5)));
      }
      const std::string space(points, ' ');
      CHECK(run.Bytes("trim", {run.Text(space + "é" + text + "é" + space)}) == "é" + text + "é");

      std::vector<std::string> lines;
      for (std::string& line : SplitModel(text, "\n")) {
        lines.push_back(line.ends_with('\r') ? line.substr(0, line.size() - 1) : line);
      }
      if (lines.back().empty()) lines.pop_back();
      CHECK(run.Texts("lines", {t.value()}) == lines);
      std::vector<std::string> words;
      std::istringstream stream(text);
      for (std::string word; stream >> word;) words.push_back(word);
      CHECK(run.Texts("words", {t.value()}) == words);
      CHECK(run.Bytes("inspect", {t.value()}) == Print(t.value()));
      if (points == 300000) CHECK(run.pieces > 1);
    }
  }
}

TEST_CASE("prelude: bytes that are no UTF-8 make no text, wherever they are cut") {
  for (const std::string bad : {"\xff", "\xc3", "a\xe2\x82", "\xed\xa0\x80", "\x80"}) {
    for (const size_t before : {0, 5, 20, 400000}) {
      for (const int64_t fuel : {int64_t{1}, kBuiltinStepsMax}) {
        Pieces run(fuel);
        const std::string bytes = std::string(before, 'x') + bad;
        CHECK(run.Call("text_of", {MakeBytes(run.core.heap(), bytes).value()}) == Value::Nil());
        CHECK(run.Call("text_of", {MakeBytes(run.core.heap(), bytes + "yyyyyyyy").value()}) ==
              Value::Nil());
      }
    }
  }
}

TEST_CASE("prelude: sorting is stable, in value order, in pieces") {
  std::mt19937_64 rng(11);
  for (const size_t size : {1, 2, 3, 5, 33, 1000, 30000}) {
    CAPTURE(size);
    Pieces run(kBuiltinStepsMax);
    Heap& heap = run.core.heap();
    Value list = EmptyList(heap);
    std::vector<std::pair<int64_t, size_t>> model;
    for (size_t i = 0; i < size; ++i) {
      const int64_t key = static_cast<int64_t>(rng() % (size / 2 + 1));
      model.push_back({key, i});
      // In some lists the keys are deep.
      Value pair[] = {Value::SmallInt(7), Value::SmallInt(key)};
      list = Append(heap, list, size % 2 == 0 ? MakeList(heap, pair).value() : pair[1]);
    }
    std::stable_sort(model.begin(), model.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    const Root kept(heap, list);
    const Value order = run.Call("sort_order", {kept.value()});
    REQUIRE(ListSize(order) == size);
    bool same = true;
    for (size_t i = 0; i < size; ++i) {
      same = same && ListAt(order, i) == Value::SmallInt(static_cast<int64_t>(model[i].second));
    }
    CHECK(same);
    CHECK(run.most <= kBuiltinStepsMax * 5 / 4);
    const Value sorted = run.Call("sort", {kept.value()});
    same = true;
    for (size_t i = 0; i < size; ++i) {
      const Value x = ListAt(sorted, i);
      same = same && (IsList(x) ? ListAt(x, 1) : x) == Value::SmallInt(model[i].first);
    }
    CHECK(same);
    if (size == 30000) CHECK(run.pieces > 10);
    const Value least = run.Call("min", {kept.value()});
    CHECK(CompareNow(least, ListAt(run.Call("sort", {kept.value()}), 0), CompareMode::kSame) ==
          Outcome::kSame);
  }
}

TEST_CASE("prelude: lists and maps in pieces") {
  Pieces run(kBuiltinStepsMax);
  Heap& heap = run.core.heap();
  Value list = EmptyList(heap);
  Value map = EmptyMap(heap);
  constexpr int64_t kN = 20000;
  for (int64_t i = 0; i < kN; ++i) {
    list = Append(heap, list, Value::SmallInt(i));
    map = MapPut(heap, map, Value::SmallInt(i), Value::SmallInt(-i), run.core).value();
  }
  const Root xs(heap, list);
  const Root m(heap, map);
  CHECK(run.Call("contains", {xs.value(), Value::SmallInt(kN)}) == Value::False());
  CHECK(run.pieces > 1);
  CHECK(run.Call("index_of", {xs.value(), Value::SmallInt(kN - 1)}) == Value::SmallInt(kN - 1));
  CHECK(ListAt(run.Call("reverse", {xs.value()}), 0) == Value::SmallInt(kN - 1));
  CHECK(run.pieces > 1);
  CHECK(CompareNow(run.Call("keys", {m.value()}), xs.value(), CompareMode::kSame) ==
        Outcome::kSame);
  CHECK(run.pieces > 1);
  CHECK(ListAt(run.Call("values", {m.value()}), 5) == Value::SmallInt(-5));
  const Value entries = run.Call("entries", {m.value()});
  CHECK(Print(ListAt(entries, kN - 1)) == "[19999, -19999]");
  CHECK(run.most <= kBuiltinStepsMax * 5 / 4);
  // A list of 2^40 elements is made of sharing.
  const Value many = run.Call("repeat", {xs.value(), Value::SmallInt(1 << 20)});
  CHECK(ListSize(many) == uint64_t{kN} << 20);
  CHECK(Print(run.Call("repeat", {xs.value(), Value::SmallInt(1 << 30)})) ==
        "\"fault: #limit(\\\"repeat: the result would be too big\\\")\"");
}

TEST_CASE("prelude: what does not fit the allowance waits for room, and gives back what it took") {
  Pieces run(kBuiltinStepsMax);
  Heap& heap = run.core.heap();
  const Root x(heap, run.Text("0123456789"));
  BuiltinRegistry registry;
  RegisterPrelude(registry);
  heap.SetSponsor(1, 1 << 20);
  int64_t fuel = kBuiltinStepsMax;
  BuiltinContext context(run.core, fuel, "repeat");
  const Value args[] = {x.value(), Value::SmallInt(1'000'000)};
  BuiltinResult result = registry.entry(*registry.Find("repeat")).fn(context, args, 2);
  REQUIRE(result.kind() == BuiltinResult::Kind::kJob);
  std::unique_ptr<BuiltinJob> job = result.take_job();
  const auto run_on = [&] {
    do {
      fuel = kBuiltinStepsMax;
      result = job->Run(context);
    } while (result.kind() == BuiltinResult::Kind::kMore && !heap.over_allowance());
  };
  run_on();
  CHECK(result.kind() == BuiltinResult::Kind::kMore);
  const uint64_t held = heap.stats().bytes_external;
  CHECK(held < (1 << 20) + (1 << 19));
  CHECK(job->Run(context).kind() == BuiltinResult::Kind::kMore);
  CHECK(heap.stats().bytes_external == held);  // it stands still
  heap.SetSponsor(1, 10'000'000);
  run_on();
  CHECK(result.kind() == BuiltinResult::Kind::kNoRoom);
  heap.SetSponsor(1, 11'000'000);
  run_on();
  CHECK(result.kind() == BuiltinResult::Kind::kValue);
  CHECK(heap.stats().bytes_external == 0);
  job = nullptr;
  result = registry.entry(*registry.Find("repeat")).fn(context, args, 2);
  job = result.take_job();
  run_on();
  CHECK(heap.stats().bytes_external > 0);
  job = nullptr;
  CHECK(heap.stats().bytes_external == 0);
  heap.SetSponsor(0, kUnlimited);
}

}  // namespace
}  // namespace vesicle
