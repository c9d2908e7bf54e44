# Writes a .cc that holds a text file, or several end to end, as a constant:
#   cmake -DINPUT=prelude.ves -DOUTPUT=prelude_text.cc -DFUNCTION=PreludeText
#         -DHEADER=vm/script/prelude/prelude.h -P embed_text.cmake
# As octets: compilers limit the length of a literal.
set(text "")
foreach(file ${INPUT})
  file(READ "${file}" part HEX)
  string(APPEND text "${part}")
endforeach()
string(LENGTH "${text}" digits)
math(EXPR size "${digits} / 2")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," octets "${text}")
string(REGEX REPLACE "(0x0a,)" "\\1\n" octets "${octets}")  # a line of it a line
file(WRITE "${OUTPUT}" "// Made of ${INPUT}; not to be edited.
#include \"${HEADER}\"

namespace vesicle {
namespace {

constexpr unsigned char kOctets[] = {
${octets}0};

}  // namespace

std::string_view ${FUNCTION}() { return {reinterpret_cast<const char*>(kOctets), ${size}}; }

}  // namespace vesicle
")
