// Operations: each in each dialect, byte for byte; every form that is in use is read; what is wrong
// is told by operation and field.
#include <doctest/doctest.h>

#include <map>

#include "tests/transport/captp/plain.h"
#include "tests/transport/captp/testing.h"
#include "transport/syrup/framer.h"
#include "vm/random/random.h"

namespace vesicle {
namespace {

using namespace captp_testing;

constexpr const char* kPresets[] = {"spec", "suite-main", "suite-branch", "endo", "goblins"};

Descriptor Export(uint64_t n) { return {Descriptor::Kind::kExport, n}; }
Descriptor Answer(uint64_t n) { return {Descriptor::Kind::kAnswer, n}; }
Descriptor Import(uint64_t n) { return {Descriptor::Kind::kImportObject, n}; }

void CheckSame(const Operation& a, const Operation& b) {
  CHECK(a.kind == b.kind);
  CHECK(a.to == b.to);
  CHECK(a.args == b.args);
  CHECK(a.answer == b.answer);
  CHECK(a.resolver == b.resolver);
  CHECK(a.name == b.name);
  CHECK(a.index == b.index);
}

TEST_CASE("operation: all of the transcript is read, and written again byte for byte") {
  const Dialect dialect = *ParseDialect("suite-main");
  std::map<Operation::Kind, int> seen;
  for (const Chunk& chunk : Transcript()) {
    for (const std::string& message : MessagesIn(chunk.bytes)) {
      if (message.starts_with("<16'op:start-session")) continue;
      CAPTURE(message);
      const ReadOp read(message);
      REQUIRE(read.status.ok());
      ++seen[read.op.kind];
      CHECK(Rewritten(read.op, dialect) == message);
    }
  }
  CHECK(seen[Operation::Kind::kDeliver] == 102);
  CHECK(seen[Operation::Kind::kListen] == 3);
  CHECK(seen[Operation::Kind::kGcExports] == 6);
  CHECK(seen[Operation::Kind::kGcAnswers] == 1);
  CHECK(seen[Operation::Kind::kAbort] == 31);
}

// Whole messages of a stream, whatever else is in it.
std::vector<std::string> Framed(std::string_view bytes) {
  syrup::Framer framer;
  framer.Add(bytes);
  std::vector<std::string> messages;
  std::string_view message;
  while (framer.Next(&message) == syrup::Framer::Step::kMessage) messages.emplace_back(message);
  return messages;
}

TEST_CASE("operation: a plain deliver that is read from both ends says what a reader says") {
  std::vector<std::string> some = TranscriptMessages();
  for (const char* message :
       {"<10'op:deliver<11'desc:export3+>[4'echo1+]7+<18'desc:import-object9+>>",
        "<10'op:deliver<11'desc:answer0+>[]ff>", "<10'op:deliver<11'desc:export3+>[3\"]ff1+]ff>",
        "<10'op:deliver<11'desc:export3+>[1+]1+3\"]ff>",
        "<10'op:deliver<11'desc:export3+>[1+]f22\"<18'desc:import-object1+>>",
        "<10'op:deliver<11'desc:export12+>[{1\"a1+1\"bf}<4'void>[[]]]f<18'desc:import-object12+>"
        ">"}) {
    some.push_back(message);
  }
  int plain = 0, wrong = 0;
  for (const std::string& message : some) {
    Operation op;
    plain += ReadPlainDeliver(message, &op);
    CAPTURE(message);
    CHECK(ComparePlain(message) == "");
  }
  CHECK(plain > 10);
  // And with bytes changed, taken out, and put in from others.
  SeededRandom random(20261127);
  for (int i = 0; i < 300'000; ++i) {
    std::string message = some[random.Next() % some.size()];
    for (uint64_t changes = 1 + random.Next() % 3; changes > 0; --changes) {
      ChangeSome(random, some, &message);
      if (message.empty()) message = "<";
    }
    for (const std::string& whole : Framed(message)) {
      Operation op;
      if (ReadPlainDeliver(whole, &op) && !ErrorOf(whole).empty()) ++wrong;
      CAPTURE(whole);
      const std::string difference = ComparePlain(whole);
      if (!difference.empty()) CHECK(difference == "");
    }
  }
  // Some look right from both ends only.
  CHECK(wrong > 20);
}

TEST_CASE("operation: each in each dialect") {
  using Written = std::vector<std::string>;  // in the order of kPresets
  const auto check = [](const char* what, const Written& wanted, auto write) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      CAPTURE(what);
      CAPTURE(kPresets[i]);
      syrup::Writer out;
      CHECK(write(*ParseDialect(kPresets[i]), out));
      CHECK(out.bytes() == wanted[i]);
      for (const std::string& message : MessagesIn(out.bytes())) CHECK(ErrorOf(message) == "");
    }
  };
  const auto deliver = [](const Deliver& d) {
    return [d](const Dialect& dialect, syrup::Writer& out) {
      BeginDeliver(d, dialect, out);
      out.BeginList();
      out.Symbol("hi");
      out.EndList();
      return EndDeliver(d, dialect, out);
    };
  };
  const std::string tell = "<10'op:deliver<11'desc:export7+>[2'hi]ff>";
  const std::string only = "<15'op:deliver-only<11'desc:export7+>[2'hi]>";
  check("tell", {tell, only, tell, tell, only}, deliver({.to = Export(7)}));
  const std::string ask = "<10'op:deliver<11'desc:answer3+>[2'hi]4+<18'desc:import-object5+>>";
  check("ask", Written(5, ask), deliver({.to = Answer(3), .answer = 4, .resolver = Import(5)}));
  check("pipelined", Written(5, "<10'op:deliver<11'desc:export7+>[2'hi]4+f>"),
        deliver({.to = Export(7), .answer = 4}));
  check("resolved",
        Written(5, "<10'op:deliver<11'desc:export0+>[2'hi]f<19'desc:import-promise5+>>"),
        deliver({.to = Export(0), .resolver = Descriptor{Descriptor::Kind::kImportPromise, 5}}));

  const std::string two = "<9'op:listen<11'desc:export7+><18'desc:import-object5+>>";
  const std::string three = "<9'op:listen<11'desc:export7+><18'desc:import-object5+>f>";
  check("listen", {two, three, three, three, three}, [](const Dialect& d, syrup::Writer& out) {
    return WriteListen(Export(7), Import(5), false, d, out);
  });
  const GcEntry entries[] = {{7, 1}, {123456789012, 42}};
  const std::string lists = "[7+123456789012+][1+42+]>";
  check("gc exports",
        {"<13'op:gc-exports" + lists, "<12'op:gc-export" + lists, "<12'op:gc-export" + lists,
         "<13'op:gc-exports" + lists, "<12'op:gc-export7+1+><12'op:gc-export123456789012+42+>"},
        [&](const Dialect& d, syrup::Writer& out) { return WriteGcExports(entries, d, out); });
  const uint64_t answers[] = {7, 8};
  check("gc answers",
        {"<13'op:gc-answers[7+8+]>", "<12'op:gc-answer[7+8+]>", "<12'op:gc-answer[7+8+]>",
         "<13'op:gc-answers[7+8+]>", "<12'op:gc-answer7+><12'op:gc-answer8+>"},
        [&](const Dialect& d, syrup::Writer& out) { return WriteGcAnswers(answers, d, out); });
  check("no garbage", Written(5, ""),
        [&](const Dialect& d, syrup::Writer& out) { return WriteGcExports({}, d, out); });
  check("abort", Written(5, "<8'op:abort4\"done>"),
        [](const Dialect& d, syrup::Writer& out) { return WriteAbort("done", d.framing, out); });
  const std::string kQueries[] = {"<6'op:get<11'desc:answer3+>1\"f4+>",
                                  "<8'op:index<11'desc:answer3+>2+4+>",
                                  "<8'op:untag<11'desc:answer3+>1\"t4+>"};
  for (const char* preset : {"spec", "endo"}) {
    const Dialect dialect = *ParseDialect(preset);
    syrup::Writer out;
    CHECK(WriteGet(Answer(3), "f", 4, dialect, out));
    CHECK(WriteIndex(Answer(3), 2, 4, dialect, out));
    CHECK(WriteUntag(Answer(3), "t", 4, dialect, out));
    CHECK(out.bytes() == kQueries[0] + kQueries[1] + kQueries[2]);
  }
  for (const std::string& message : kQueries) {
    const ReadOp read(message);
    REQUIRE(read.status.ok());
    CHECK(Rewritten(read.op, Dialect()) == message);
  }
  syrup::Writer out;
  CHECK(WriteAbort("x", Dialect::Framing::kNetstring, out));
  CHECK(out.bytes() == "15:<8'op:abort1\"x>");
}

TEST_CASE("operation: every form of a meaning is read as the same") {
  const std::vector<std::vector<std::string>> kSame = {
      {"<10'op:deliver<11'desc:export7+>[1+]ff>", "<15'op:deliver-only<11'desc:export7+>[1+]>"},
      {"<9'op:listen<11'desc:answer0+><18'desc:import-object5+>>",
       "<9'op:listen<11'desc:answer0+><18'desc:import-object5+>f>",
       "<9'op:listen<11'desc:answer0+><18'desc:import-object5+>t>"},
      {"<12'op:gc-export7+1+>", "<12'op:gc-export[7+][1+]>", "<13'op:gc-exports[7+][1+]>",
       "<13'op:gc-exports7+1+>"},
      {"<12'op:gc-answer7+>", "<12'op:gc-answer[7+]>", "<13'op:gc-answers[7+]>"},
      {"<6'op:get<11'desc:export7+>1\"f0+>", "<6'op:get<11'desc:export7+>1'f0+>"},
      {"<8'op:untag<11'desc:export7+>1\"f0+>", "<8'op:untag<11'desc:export7+>1'f0+>"},
      {"<8'op:abort1\"x>", "<8'op:abort1'x>"},
  };
  for (const auto& forms : kSame) {
    const ReadOp first(forms[0]);
    for (const std::string& form : forms) {
      CAPTURE(form);
      const ReadOp read(form);
      REQUIRE(read.status.ok());
      CheckSame(read.op, first.op);
      if (form.find("gc-") != std::string::npos) {
        GcEntries gc = read.op.gc;
        GcEntry entry;
        CHECK(gc.left() == 1);
        REQUIRE(gc.Next(&entry));
        CHECK(entry == GcEntry{7, 1});
        CHECK_FALSE(gc.Next(&entry));
      }
      CHECK(read.op.wants_partial == form.ends_with("t>"));
    }
  }
}

TEST_CASE("operation: random ones come back, in every dialect and at any length") {
  VESICLE_RANDOM_TEST(rng);
  for (int round = 0; round < 2000; ++round) {
    Dialect dialect = *ParseDialect(kPresets[rng.Below(5)]);
    dialect.queries = Dialect::Queries::kKnown;
    const auto position = [&] { return rng.Next() % (kPositionMax + 1) >> rng.Below(60); };
    const auto import = [&] {
      return Descriptor{
          rng.OneIn(2) ? Descriptor::Kind::kImportObject : Descriptor::Kind::kImportPromise,
          position()};
    };
    Operation op;
    op.kind = static_cast<Operation::Kind>(rng.Below(8));
    if (op.kind != Operation::Kind::kAbort) {
      op.to = rng.OneIn(2) ? Export(1 + position() / 2) : Answer(position());
    }
    std::string args = "[";
    for (size_t n = rng.Below(5); n > 0; --n) args += "<11'desc:export1+>3\"abc{}";
    args += "]";
    std::vector<GcEntry> entries;
    syrup::Writer out;
    bool ok = true;
    switch (op.kind) {
      case Operation::Kind::kDeliver:
        op.args = args;
        if (rng.OneIn(2)) op.answer = position();
        if (rng.OneIn(2)) op.resolver = import();
        break;
      case Operation::Kind::kListen:
        op.resolver = import();
        break;
      case Operation::Kind::kGet:
      case Operation::Kind::kUntag:
        op.name = "na\u00efve";
        op.answer = position();
        break;
      case Operation::Kind::kIndex:
        op.index = position();
        op.answer = position();
        break;
      case Operation::Kind::kAbort:
        op.name = "enough";
        break;
      case Operation::Kind::kGcExports:
        for (size_t n = 1 + rng.Below(600); n > 0; --n)
          entries.push_back({position(), position() + 1});
        ok = WriteGcExports(entries, dialect, out);
        break;
      case Operation::Kind::kGcAnswers: {
        std::vector<uint64_t> positions;
        for (size_t n = 1 + rng.Below(600); n > 0; --n) positions.push_back(position());
        for (const uint64_t each : positions) entries.push_back({each, 1});
        ok = WriteGcAnswers(positions, dialect, out);
        break;
      }
    }
    REQUIRE(ok);
    if (!entries.empty()) {
      std::vector<GcEntry> back;
      for (const std::string& message : MessagesIn(out.bytes())) {
        CHECK(message.size() <= 16'384);
        ReadOp read(message);
        REQUIRE(read.status.ok());
        CHECK(read.op.kind == op.kind);
        GcEntry entry;
        while (read.op.gc.Next(&entry)) back.push_back(entry);
      }
      CHECK(back == entries);
      continue;
    }
    const std::string message = Rewritten(op, dialect);
    const ReadOp read(message);
    CAPTURE(message);
    REQUIRE(read.status.ok());
    CheckSame(read.op, op);
  }
}

TEST_CASE("operation: what is cut anywhere, or goes on, is refused") {
  for (const std::string& message :
       {std::string(
            "<10'op:deliver<11'desc:answer3+>[2'hi{1\"a<4'void>}]4+<18'desc:import-object5+>>"),
        std::string("<9'op:listen<11'desc:export7+><18'desc:import-object5+>f>"),
        std::string("<6'op:get<11'desc:answer3+>1\"f4+>"),
        std::string("<13'op:gc-exports[7+8+][1+2+]>"), std::string("<12'op:gc-answer7+>"),
        std::string("<8'op:abort4\"done>"), MessagesOf(20, 'a')[1]}) {
    CHECK(ErrorOf(message) == "");
    for (size_t size = 0; size < message.size(); ++size) {
      CAPTURE(size);
      CHECK_FALSE(ReadOp(message.substr(0, size)).status.ok());
    }
    CHECK_FALSE(ReadOp(message + "f").status.ok());
    CHECK_FALSE(ReadOp(message + message).status.ok());
    std::string more = message;
    more.insert(more.size() - 1, "0+");
    CHECK_FALSE(ReadOp(more).status.ok());
  }
}

TEST_CASE("operation: the arguments are found again for a decoder") {
  ReadOp read("<10'op:deliver<11'desc:export7+>[3'abc[1+2+]]9+f>");
  REQUIRE(read.status.ok());
  CHECK(read.op.args == "[3'abc[1+2+]]");
  read.reader.Rewind(*read.op.args_at);
  CHECK(read.reader.Next() == syrup::Token::kList);
  CHECK(read.reader.Next() == syrup::Token::kSymbol);
  CHECK(read.reader.text() == "abc");
  CHECK(read.reader.Skip());
  CHECK(read.reader.Next() == syrup::Token::kListEnd);
  CHECK(read.reader.Next() == syrup::Token::kInt);
  CHECK(read.reader.int64() == 9);
}

TEST_CASE("operation: what is wrong is told by operation, field and byte") {
  const std::pair<std::string, std::string> kWrong[] = {
      {"1+", "message, operation: a record <op:..> is wanted, and byte 0 has an integer"},
      {"<1+>", "message, operation: a symbol as the label is wanted, and byte 1 has an integer"},
      {"<6'op:new>", "message, operation: \"op:new\" is not known here"},
      {"<3'\x1b[m>", "message, operation: \"\\x1b[m\" is not known here"},
      {"<16'op:start-session3\"1.0>",
       "op:start-session, captp-version: the session has begun, and begins once"},
      {"<10'op:deliver>",
       "op:deliver, to-desc: a desc:export or desc:answer is wanted, and byte 14 "
       "has the end of the record"},
      {"<10'op:deliver<18'desc:import-object1+>[]ff>",
       "op:deliver, to-desc: a desc:export or desc:answer is wanted, and an import stands there"},
      {"<10'op:deliver<4'void>[]ff>",
       "op:deliver, to-desc: a desc:export or desc:answer is wanted, and another record stands "
       "there"},
      {"<10'op:deliver<11'desc:export1->[]ff>",
       "op:deliver, to-desc: a position (0 or more) is wanted, and byte 29 has -1"},
      {"<10'op:deliver<11'desc:export1000000000000000000+>[]ff>",
       "op:deliver, to-desc: a position (0 or more) is wanted, and byte 29 has an integer beyond "
       "999999999999999999"},
      {"<10'op:deliver<11'desc:export1+2+>[]ff>",
       "op:deliver, end: no further field is wanted, and byte 31 has an integer"},
      {"<10'op:deliver<11'desc:export1+>3'abcff>",
       "op:deliver, args: a list is wanted, and byte 32 has a symbol"},
      {"<10'op:deliver<11'desc:export1+>[}ff>",
       "op:deliver, args: byte 33: an end of what is not open"},
      {"<10'op:deliver<11'desc:export1+>[]tf>",
       "op:deliver, answer-pos: a position (0 or more) or f is wanted, and byte 34 has a boolean"},
      {"<10'op:deliver<11'desc:export1+>[]1-f>",
       "op:deliver, answer-pos: a position (0 or more) or f is wanted, and byte 34 has -1"},
      {"<10'op:deliver<11'desc:export1+>[]f1+>",
       "op:deliver, resolve-me-desc: a desc:import-object or desc:import-promise is wanted, and "
       "byte 35 has an integer"},
      {"<10'op:deliver<11'desc:export1+>[]ft>",
       "op:deliver, resolve-me-desc: a desc:import-object or desc:import-promise or f is wanted, "
       "not t"},
      {"<10'op:deliver<11'desc:export1+>[]f<11'desc:export1+>>",
       "op:deliver, resolve-me-desc: a desc:import-object or desc:import-promise is wanted, and a "
       "desc:export stands there"},
      {"<10'op:deliver<11'desc:export1+>[]f>",
       "op:deliver, resolve-me-desc: a desc:import-object or desc:import-promise is wanted, and "
       "byte 35 has the end of the record"},
      {"<15'op:deliver-only<11'desc:export1+>[]ff>",
       "op:deliver-only, end: no further field is wanted, and byte 39 has a boolean"},
      {"<9'op:listen<11'desc:export0+><18'desc:import-object5+>f>",
       "op:listen, to-desc: export 0, the bootstrap, is for op:deliver alone"},
      {"<9'op:listen<11'desc:export1+>f>",
       "op:listen, listen-desc: a desc:import-object or desc:import-promise is wanted, and byte 30 "
       "has a boolean"},
      {"<9'op:listen<11'desc:export1+><18'desc:import-object5+>1+>",
       "op:listen, wants-partial: t or f is wanted, and byte 55 has an integer"},
      {"<6'op:get<11'desc:export0+>1\"f4+>",
       "op:get, receiver-desc: export 0, the bootstrap, is for op:deliver alone"},
      {"<6'op:get<11'desc:export1+>1\"ff>",
       "op:get, new-answer-pos: a position (0 or more) is wanted, and byte 30 has a boolean"},
      {"<6'op:get<11'desc:export1+>1:f4+>",
       "op:get, field-name: a text or a symbol is wanted, and byte 27 has bytes"},
      {"<8'op:index<11'desc:export1+>1\"x4+>",
       "op:index, index: an integer is wanted, and byte 29 has a text"},
      {"<8'op:untag<11'desc:export1+>[]4+>",
       "op:untag, tag: a text or a symbol is wanted, and byte 29 has a list"},
      {"<12'op:gc-export1+0+>",
       "op:gc-export, wire-delta: a delta (1 or more), or a list of such, is wanted, and byte 18 "
       "has 0"},
      {"<12'op:gc-export[1+][2-]>",
       "op:gc-export, wire-delta: a delta (1 or more), or a list of such, is wanted, and byte 21 "
       "has -2"},
      {"<13'op:gc-exports[1+2+][1+]>",
       "op:gc-exports, wire-delta: as many deltas as positions are wanted: 2 positions, 1 deltas"},
      {"<13'op:gc-exports[1+]>",
       "op:gc-exports, wire-delta: a delta (1 or more), or a list of such, is wanted, and byte 21 "
       "has the end of the record"},
      {"<13'op:gc-exports[1+f][1+]>",
       "op:gc-exports, export-pos: a position (0 or more), or a list of such, is wanted, and byte "
       "20 has a boolean"},
      {"<12'op:gc-answer1->",
       "op:gc-answer, answer-pos: a position (0 or more), or a list of such, is wanted, and byte "
       "16 "
       "has -1"},
      {"<8'op:abort1+>",
       "op:abort, reason: a text or a symbol is wanted, and byte 11 has an integer"},
      {"<8'op:abort2\"\xff\xff>", "op:abort, reason: byte 11: a text or a symbol that is no UTF-8"},
  };
  for (const auto& wrong : kWrong) {
    CAPTURE(wrong.first);
    CHECK(ErrorOf(wrong.first) == wrong.second);
    CHECK(absl::IsInvalidArgument(ReadOp(wrong.first).status));
  }
}

TEST_CASE("operation: a reason that is long is cut between characters") {
  syrup::Writer out;
  const std::string reason = std::string(999, 'x') + "\u20ac\u20ac";
  REQUIRE(WriteAbort(reason, Dialect::Framing::kBare, out));
  const ReadOp read{std::string(out.bytes())};
  REQUIRE(read.status.ok());
  CHECK(read.op.name == std::string(999, 'x'));
}

TEST_CASE("operation: what does not fit a limit leaves nothing behind") {
  syrup::Writer out({.message_bytes_max = 40});
  REQUIRE(WriteAbort("first", Dialect::Framing::kBare, out));
  const std::string before(out.bytes());
  CHECK_FALSE(WriteListen(Export(7), Import(5), false, Dialect(), out));
  CHECK(out.error().wrong == syrup::Wrong::kTooLong);
  CHECK(out.bytes() == before);
  CHECK(WriteAbort("again", Dialect::Framing::kBare, out));
}

TEST_CASE("descriptor: among arguments all four are read, and the bootstrap is not") {
  for (const auto kind : {Descriptor::Kind::kImportObject, Descriptor::Kind::kImportPromise,
                          Descriptor::Kind::kExport, Descriptor::Kind::kAnswer}) {
    for (const uint64_t position : {uint64_t{0}, uint64_t{1}, kPositionMax}) {
      syrup::Writer out;
      WriteDescriptor({kind, position}, out);
      REQUIRE(out.EndMessage());
      syrup::Reader reader;
      reader.Reset(out.bytes());
      Fields message(reader, "message");
      std::string_view label;
      REQUIRE(message.BeginAnyRecord("argument", "a record", &label));
      REQUIRE(DescriptorKindOf(label) == kind);
      Fields fields(reader, LabelOf(kind));
      Descriptor back;
      const bool is_bootstrap = kind == Descriptor::Kind::kExport && position == 0;
      CHECK(ReadArgument(fields, kind, &back) == !is_bootstrap);
      CHECK(back == Descriptor{kind, position});
      if (is_bootstrap) {
        CHECK(std::string(fields.status().message()) ==
              "desc:export, position: export 0, the bootstrap, is no argument");
      }
    }
  }
  CHECK_FALSE(DescriptorKindOf("desc:sig-envelope"));
}

}  // namespace
}  // namespace vesicle
