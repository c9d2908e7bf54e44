#!/usr/bin/env python3
"""Our headers as Doxygen wants them: plain comments become documentation, the code stays as it is.

  comments.py OUT HEADERS...      each goes to the same path below OUT

Our rules (the headers are written for who reads them, not for a tool):
  - the comment a file begins with is about the file;
  - one that stands right above a declaration is about it;
  - one behind a declaration, and the lines below that go on at its column, is about it;
  - within, what is indented after an empty line is an example; `Ownership:`, `Threads:`, `Limits:`
    and the like at the front of a line are paragraphs with that title.
Comments in function bodies, and those followed by an empty line, are nobody's documentation.
No line is added or taken away, but at the front, so that places in Doxygen's warnings are near.
"""
import pathlib
import re
import sys

SCOPE = re.compile(r"^(?:\[\[[^\]]*\]\]\s*|inline\s+|typedef\s+|extern\s+\"C\"\s*)*"
                   r"(namespace|class|struct|union|enum|extern\s+\"C\")\b")
TEMPLATE = re.compile(r"^template\s*<(?:[^<>]|<(?:[^<>]|<[^<>]*>)*>)*>\s*(?:requires\s+\S+\s*)?")
TITLE = re.compile(r"^(Ownership|Threads|Limits|Costs|Cost|Fails):\s+(?=\S)")
# Nothing that is documented: a class that is only named is documented elsewhere.
NO_DECLARATION = re.compile(r"^\s*(?:$|//|#|\}|public:|private:|protected:|static_assert|friend |"
                            r"(?:class|struct) \w+;)")


def escaped(text):
    """Words as they are, whatever Doxygen would make of them; `code` as code."""
    def plain(part):
        part = re.sub(r"([\\@#$%&<>\"])", r"\\\1", part)
        return part.replace("::", r"\::").replace("--", r"\--")
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an accent that stands alone
        return plain(text)
    return "".join(f"<code>{plain(part)}</code>" if i % 2 else plain(part) for i, part in enumerate(parts))


def documentation(lines):
    """The lines of a comment, without their slashes, as Doxygen wants them."""
    out, in_code, after_empty = [], False, False
    for i, line in enumerate(lines):
        text = line.rstrip()
        if in_code and text and not text.startswith("  "):
            out[-1] += " @endcode" if not out[-1].strip() else ""
            if not out[-1].endswith("@endcode"):
                out.append("@endcode")
            in_code = False
        if not text:
            out.append("")
            after_empty = True
            continue
        if not in_code and after_empty and text.startswith("  "):
            out.append("@code{.cpp}")
            in_code = True
        if in_code:
            out.append(text)
        else:
            title = TITLE.match(text)
            text = text.strip()
            if title:
                out.append(f"@par {title.group(1)}")
                text = text[title.end():]
            out.append(escaped(text))
        after_empty = False
    if in_code:
        out.append("@endcode")
    return out


class Scopes:
    """Whether a line stands where declarations do: in namespaces, classes and enums only."""

    def __init__(self):
        self.stack = []
        self.statement = ""
        self.parentheses = 0

    def is_in_body(self):
        return "body" in self.stack

    def is_amid(self):
        """In the middle of a statement, so no declaration begins here."""
        return bool(self.statement.strip()) or self.parentheses > 0

    def take(self, line):
        code = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)\'', "0", line.split("//")[0] if '"' not in line else line)
        if code.lstrip().startswith("#"):
            return
        for c in re.sub(r"//.*", "", code):
            if c == "{":
                statement = TEMPLATE.sub("", self.statement.strip())
                statement = re.sub(r"^(?:public|private|protected)\s*:\s*", "", statement)
                is_scope = SCOPE.match(statement) and self.parentheses == 0 and "=" not in statement
                self.stack.append(("enum" if statement.startswith("enum") else "scope") if is_scope else "body")
                self.statement = ""
            elif c == "}":
                if self.stack:
                    self.stack.pop()
                self.statement = ""
            elif c == ";" and self.parentheses == 0:
                self.statement = ""
            elif c == "," and self.stack and self.stack[-1] == "enum":
                self.statement = ""
            else:
                self.parentheses += {"(": 1, ")": -1}.get(c, 0)
                self.statement += c
        self.statement = re.sub(r"^\s*(?:public|private|protected)\s*:\s*$", "", self.statement) + " "


def trailing(line):
    """(code, comment) of a line that has both, else None."""
    match = re.match(r'^((?:[^"/]|"(?:[^"\\]|\\.)*"|/(?!/))*\S)\s+//\s?(.*)$', line)
    return match.groups() if match and not line.lstrip().startswith("//") else None


def filtered(text):
    lines, out, i = text.split("\n"), [], 0
    scopes = Scopes()
    head = []
    while i < len(lines) and lines[i].startswith("//"):
        head.append(lines[i][2:].removeprefix(" "))
        i += 1
    if head:
        out += ["/// @file", *("/// " + line for line in documentation(head)), ""]
    while i < len(lines):
        line = lines[i]
        if line.lstrip().startswith("//"):
            block, start, indent = [], i, re.match(r"\s*", line).group()
            while i < len(lines) and lines[i].lstrip().startswith("//"):
                block.append(lines[i].lstrip()[2:].removeprefix(" "))
                i += 1
            is_doc = (i < len(lines) and not NO_DECLARATION.match(lines[i]) and not scopes.is_in_body()
                      and not scopes.is_amid() and not block[0].startswith("---"))
            if is_doc:
                out += [f"{indent}/// {text}".rstrip() for text in documentation(block)]
            else:
                out += lines[start:i]
            continue
        was_in_body, was_amid = scopes.is_in_body(), scopes.is_amid()
        both = trailing(line)
        scopes.take(line)
        ends = both and re.search(r"[;,]$|^\s*\w+(?: = .*)?$", both[0]) and not NO_DECLARATION.match(line)
        if both and ends and not was_in_body and not scopes.is_in_body() and (not was_amid or not scopes.is_amid()) \
                and scopes.parentheses == 0:
            column, block = line.index("//", len(both[0])), [both[1]]
            out_line = both[0]
            i += 1
            while i < len(lines) and re.match(r"\s*//", lines[i]) and lines[i].index("//") == column:
                block.append(lines[i].lstrip()[2:].removeprefix(" "))
                i += 1
            words = [escaped(text.strip()) for text in block]
            out.append(f"{out_line}  ///< {words[0]}")
            out += [" " * column + f"///< {text}" for text in words[1:]]
            continue
        out.append(line)
        i += 1
    return "\n".join(out)


def main():
    out = pathlib.Path(sys.argv[1])
    for header in sys.argv[2:]:
        path = out / header
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(filtered(pathlib.Path(header).read_text()))


main()
