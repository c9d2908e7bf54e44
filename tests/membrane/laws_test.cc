// Law 36, and whether each law has its test.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/membrane/link.h"

namespace vesicle {
namespace {

TEST_CASE("law 36: the laws hold over every link: the same source says the same") {
  const auto [link, from, to] = EveryWay();
  // Something of everything: data, refs both ways, replies, promises, pipelines, order, errors, and
  // who is who where the link says that it knows.
  link->Load(R"(
    behavior cell(v) { #get => v, #set(w) => { become cell(w); v }, #fail(e) => fail e, #is_me(r) => r == self }
    behavior far(cells) {
      #new(v) => { let c = create cell(v); become far([...cells, c]); c }
      #all => cells
      #fill(c, v) => task { let old = await c <- #set(v); [old, await c <- #get] }
      #later => { let [p, r] = promise(); r <- #fulfill(create cell(#later)); p }
    }
    behavior near(far) {
      #go => task {
        let a = far <- #new({k: [1, -0.0, "é", b"\xff", 2 ** 200]})
        let early = a <- #get
        let mine = create cell(#mine)
        let filled = await far <- #fill(mine, #theirs)
        let both = await far <- #fill(await a, #from_here)
        for i in 1..5 { a <- #set(i) }
        [await early, filled, await mine <- #get, both, await a <- #get, size(await far <- #all),
         await a <- #fail(#no) else { why => why }, await a <- #what else { why => tag_of(why) },
         await (far <- #later) <- #get]
      }
      #who => task { let a = await far <- #new(1); [await a <- #is_me(a), last(await far <- #all) == a] }
    }
  )");
  const Root far = link->From(to, to.Create("far", {to.Data("[]").value()}));
  const Root near = from.Create("near", {far.value()});
  CHECK(link->Asked(from, near, "#go") ==
        "[{k: [1, -0.0, \"é\", b\"\\xff\", "
        "1606938044258990275541962092341162602522202993782792835301376]}, "
        "[#mine, #theirs], #theirs, [{k: [1, -0.0, \"é\", b\"\\xff\", "
        "1606938044258990275541962092341162602522202993782792835301376]}, #from_here], 5, 1, "
        "#failed(#no), " +
            std::string(link->traits().keeps_system_reasons ? "#no_clause" : "#failed") +
            ", #later]");
  if (link->traits().keeps_identity) CHECK(link->Asked(from, near, "#who") == "[true, true]");
  link->Revoke();
  CHECK(link->Asked(from, near, "#go") == "broken: #revoked");
}

// ---------------------------------------------------------------------------

constexpr char kFolder[] = "tests/membrane/";
constexpr int kLaws = 38;
// Known to fail elsewhere.
const std::set<int> kRegressions = {1, 2, 7, 9, 15, 16, 17, 18, 19, 20, 21};

std::string Read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), path << ": run this from the root of the repository");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The titles of the test cases of a source.
std::vector<std::string> Titles(const std::string& source) {
  static const std::regex kTitle("TEST_CASE\\(\\s*\"([^\"]*)\"");
  std::vector<std::string> titles;
  for (std::sregex_iterator at(source.begin(), source.end(), kTitle), end; at != end; ++at) {
    titles.push_back((*at)[1]);
  }
  return titles;
}

// "law 3, law 4: ..." names 3 and 4.
bool Names(const std::string& title, int law) {
  const std::string head = title.substr(0, title.find(':'));
  static const std::regex kLaw("law ([0-9]+)");
  for (std::sregex_iterator at(head.begin(), head.end(), kLaw), end; at != end; ++at) {
    if (std::stoi((*at)[1]) == law) return true;
  }
  return false;
}

// The files that the table of README.md has for each law.
std::map<int, std::vector<std::string>> Table() {
  std::map<int, std::vector<std::string>> table;
  std::istringstream lines(Read(std::string(kFolder) + "README.md"));
  static const std::regex kRow("\\| law ([0-9]+) \\|(.*)"), kFile("`([^`]*\\.cc)`");
  for (std::string line; std::getline(lines, line);) {
    std::smatch row;
    if (!std::regex_match(line, row, kRow)) continue;
    const std::string cell = row[2];
    std::vector<std::string>& files = table[std::stoi(row[1])];
    for (std::sregex_iterator at(cell.begin(), cell.end(), kFile), end; at != end; ++at) {
      files.push_back(kFolder + std::string((*at)[1]));
    }
  }
  return table;
}

TEST_CASE("laws: each has a test where the table says, and regressions have their star") {
  const std::map<int, std::vector<std::string>> table = Table();
  CHECK(table.size() == kLaws);
  for (int law = 1; law <= kLaws; ++law) {
    CAPTURE(law);
    REQUIRE(table.count(law) == 1);
    REQUIRE(!table.at(law).empty());
    bool has_star = false;
    for (const std::string& path : table.at(law)) {
      CAPTURE(path);
      const std::vector<std::string> titles = Titles(Read(path));
      const auto names = [&](const std::string& title) { return Names(title, law); };
      CHECK(std::any_of(titles.begin(), titles.end(), names));
      for (const std::string& title : titles) has_star |= Names(title, law) && title.back() == '*';
    }
    CHECK(has_star == (kRegressions.count(law) == 1));
  }
}

}  // namespace
}  // namespace vesicle
