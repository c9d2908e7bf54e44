# Writes a .cc with the C++ blocks of a page, one after the other, as one program:
#   cmake -DINPUT=docs/embedding.md -DOUTPUT=embedding.cc -P doc_program.cmake
file(READ "${INPUT}" page)
set(blocks "")
string(FIND "${page}" "```cpp\n" at)
while(NOT at EQUAL -1)
  math(EXPR at "${at} + 7")
  string(SUBSTRING "${page}" ${at} -1 page)
  string(FIND "${page}" "\n```" end)
  string(SUBSTRING "${page}" 0 ${end} block)
  string(APPEND blocks "${block}\n")
  string(SUBSTRING "${page}" ${end} -1 page)
  string(FIND "${page}" "```cpp\n" at)
endwhile()
file(WRITE "${OUTPUT}" "// Made of ${INPUT}; not to be edited.
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include \"absl/status/statusor.h\"
#include \"vm/loop/devices.h\"
#include \"vm/loop/vm_loop.h\"
#include \"vm/native/vm.h\"
#include \"vm/value/number.h\"
#include \"vm/value/print.h\"
#include \"vm/value/tagged.h\"
#include \"vm/value/text.h\"

int main() {
std::cout << std::unitbuf;  // beside a console that writes at once
${blocks}}
")
