// What exports.py must notice: a function that is not ours, a class that is not of the API, and one
// of the API that is hidden.
int leaked() { return 1; }

namespace vesicle {
class Parser {
 public:
  void Parse();
};
void Parser::Parse() {}

class __attribute__((visibility("hidden"))) Vm {
 public:
  void Planted();
};
void Vm::Planted() {}
}  // namespace vesicle
