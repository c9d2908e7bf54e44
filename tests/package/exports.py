#!/usr/bin/env python3
"""What libvesicle.so shows, against what it should: the API and nothing else.

  exports.py libvesicle.a libvesicle.so SOURCES

The API is what stands in headers that say `#pragma GCC visibility push(default)`. Three laws:
  - what is shown is of the namespace vesicle, or an instance of somebody's template;
  - no class is shown that headers of the API do not at least name (what a class is to be seen as, is
    settled where it is named first);
  - no class or function of the API is hidden, and nothing that one object shows is hidden by
    another (a declaration outside of the pragma does that: write the pragma there, too).
And of the headers: each that is of the API includes such only, and closes what it opened; and what the
samples of hosts include, and the programs of the docs, is of it.
"""
import pathlib
import re
import subprocess
import sys

PUSH, POP = "#pragma GCC visibility push(default)", "#pragma GCC visibility pop"
LAYERS = ("vm", "membrane", "transport")


def run(*words, text=None):
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout


def demangled(names):
    names = list(names)
    return dict(zip(names, run("c++filt", text="\n".join(names)).splitlines()))


def headers(sources):
    """Path -> text, of every layer."""
    found = {}
    for layer in LAYERS:
        for path in sorted((sources / layer).rglob("*.h")):
            found[str(path.relative_to(sources))] = path.read_text()
    return found


def classes(texts):
    """Names of classes that are defined at the top of a namespace."""
    pattern = re.compile(r"^(?:class|struct)(?: \[\[\w+\]\])? (\w+)(?: final)?(?: : [^;]*?)? ?\{", re.M)
    return {name for text in texts for name in pattern.findall(text)}


def functions(texts):
    """Names of functions that are declared at the top of a namespace."""
    pattern = re.compile(r"^(?!//|#|using|template|class|struct)[\w:<>\[\]*& ,]+[ *&](\w+)\([^;{]*;", re.M)
    return {name for text in texts for name in pattern.findall(text)}


def scope(name):
    """The first name below the namespace vesicle of a demangled symbol: a class, or a function."""
    name = re.sub(r"^(?:vtable|typeinfo|typeinfo name|VTT|guard variable|non-virtual thunk|virtual thunk)"
                  r" (?:for|to) ", "", name)
    match = re.match(r"(?:\w+ )*?vesicle::((?:[a-z]\w*::)*)(\w+)", name)
    return match.group(2) if match else None


def main():
    archive, library, sources = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    wrong = []

    all_headers = headers(sources)
    api = {path for path, text in all_headers.items() if PUSH in text}
    if len(api) < 50:
        wrong.append(f"only {len(api)} headers are of the API: the mark has changed?")
    for path in sorted(api):
        text = all_headers[path]
        if text.count(PUSH) != text.count(POP):
            wrong.append(f"{path}: does not close `{PUSH}`")
        for included in re.findall(r'^#include "([^"]+)"', text, re.M):
            if included in all_headers and included not in api:
                wrong.append(f"{path} is of the API and includes {included}, which is not: "
                             f"tests/package/mark_api.py {included}")

    hosts = [*sorted((sources / "samples/host").rglob("*.cc")), *sorted((sources / "samples/host").rglob("*.h"))]
    for path in [*hosts, sources / "tests/CMakeLists.txt"]:
        for included in re.findall(r"\b(?:vm|membrane|transport)/[\w/]+\.h\b", path.read_text()):
            if included in all_headers and included not in api:
                wrong.append(f"{path.relative_to(sources)} shows hosts {included}, which is not of the API: "
                             f"tests/package/mark_api.py {included}")

    defined = {}  # mangled -> visibilities, of those that other objects can see
    for line in run("readelf", "-sW", archive).splitlines():
        words = line.split()
        if len(words) >= 8 and words[4] in ("GLOBAL", "WEAK") and words[6] not in ("UND", "Ndx"):
            defined.setdefault(words[7], set()).add((words[4], words[5]))
    shown = {}  # mangled -> letter of nm
    for line in run("nm", "-D", "--defined-only", library).splitlines():
        words = line.split()
        shown[words[-1].split("@")[0]] = words[-2]
    if not shown or not defined:
        wrong.append("no symbols at all")
    names = demangled(set(defined) | set(shown))

    api_texts = [all_headers[path] for path in api]
    other_texts = [text for path, text in all_headers.items() if path not in api]
    # Layers give nested namespaces the names of files; a class of both kinds is one of the API.
    api_classes = classes(api_texts)
    named = {name for text in api_texts for name in re.findall(r"\b(?:class|struct) (\w+);", text)}
    other_classes = classes(other_texts) - api_classes - named
    api_functions = functions(api_texts) - functions(other_texts)

    for symbol, letter in sorted(shown.items()):
        name = names[symbol]
        is_template = letter in "WVu" and re.search(r"\b(std|absl|__gnu_cxx)::", name)
        if "7vesicle" not in symbol and not is_template:
            wrong.append(f"shown, and not ours: {name}")
        elif letter not in "WVu" and scope(name) in other_classes:
            wrong.append(f"shown, and not of the API: {name}")
    for symbol, kinds in sorted(defined.items()):
        name = names[symbol]
        if symbol in shown or "(anonymous namespace)" in name or "vesicle" not in name:
            continue
        if ("GLOBAL", "DEFAULT") in kinds:
            wrong.append(f"shown by its object, hidden by another: {name}")
        elif ("GLOBAL", "HIDDEN") in kinds and (scope(name) in api_classes or scope(name) in api_functions):
            wrong.append(f"of the API, and hidden: {name}")

    for line in wrong:
        print(line)
    ours = sum(letter not in "WVu" for letter in shown.values())
    print(f"{len(shown)} symbols shown, {ours} of them functions and data of the API; {len(wrong)} wrong")
    return 1 if wrong else 0


sys.exit(main())
