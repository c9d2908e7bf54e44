#!/usr/bin/env python3
"""Makes headers a part of the API: puts the pragma around the namespace of each, and of what it includes.

  mark_api.py vm/native/vm.h ...      paths from the root of the sources, where it is run

What is marked already stays as it is. Prints what it has marked.
"""
import pathlib
import re
import sys

PUSH, POP = "#pragma GCC visibility push(default)", "#pragma GCC visibility pop"


def marked(text):
    lines = text.split("\n")
    begins = [i for i, line in enumerate(lines) if re.match(r"namespace vesicle\b", line)]
    ends = [i for i, line in enumerate(lines) if re.match(r"\}  // namespace vesicle\b", line)]
    if not begins or not ends:
        return None
    return "\n".join(lines[:begins[0]] + [PUSH] + lines[begins[0]:ends[-1] + 1] + [POP] + lines[ends[-1] + 1:])


def main():
    left, seen = sys.argv[1:], set()
    while left:
        path = left.pop()
        if path in seen:
            continue
        seen.add(path)
        text = pathlib.Path(path).read_text()
        left += [p for p in re.findall(r'^#include "([^"]+)"', text, re.M) if pathlib.Path(p).exists()]
        if PUSH not in text:
            new = marked(text)
            if new is None:
                sys.exit(f"{path}: has no namespace vesicle to put it around")
            pathlib.Path(path).write_text(new)
            print(path)


main()
