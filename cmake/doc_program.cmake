# Writes a .cc with the C++ blocks of a page, one after the other, as one program:
#   cmake -DINPUT=docs/embedding.md -DOUTPUT=embedding.cc -DHEADERS=vm/native/vm.h -P doc_program.cmake
# HEADERS: of the project, beside those of the standard library and of Abseil that pages use.
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
set(includes "")
foreach(header ${HEADERS})
  string(APPEND includes "#include \"${header}\"\n")
endforeach()
file(WRITE "${OUTPUT}" "// Made of ${INPUT}; not to be edited.
#include <iostream>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include \"absl/status/statusor.h\"
${includes}
int main() {
std::cout << std::unitbuf;  // beside a console that writes at once
${blocks}}
")
