// Structure: data objects one level at a time, for whoever walks a value and gives back
// another one with some words changed: a crossing, a copy to another heap, a codec.
//
// A node is any object that stands for data or for a piece of it: a tagged value, a list
// and the nodes of its tree, a map and those of its tree, a function or behavior with its
// captures. Its parts are the words in it that a walk goes on to. So a node is a bounded
// step however large the value is, and what values share is met as the same node. Only a map
// with ref keys is one node however large: with other refs its order is another, so whoever
// changes it builds a new one.
//
//   std::vector<Value> parts;
//   if (!PartsOf(node, &parts)) ...                   // not data: nothing walks there
//   for (Value& part : parts) part = Changed(part);
//   Result copy = Rebuild(heap, node, parts);       // or MapPut by MapPut: HasRefKeys(node)
#ifndef VESICLE_VM_VALUE_STRUCTURE_H_
#define VESICLE_VM_VALUE_STRUCTURE_H_

#include <span>
#include <vector>

#include "vm/heap/heap.h"
#include "vm/heap/object.h"
#include "vm/value/result.h"

namespace vesicle {

// Text, bytes, numbers and symbols: data that holds no other.
inline bool IsAtom(const Object* o) { return IsByteKind(o->kind); }

// A map some of whose keys are refs.
bool HasRefKeys(const Object* o);

// Appends the parts of a node; of a map with ref keys its entries, each key before its value, in
// order. False: `o` is no node of data.
bool PartsOf(const Object* o, std::vector<Value>* parts);

// The same node with other parts, as many as PartsOf gave, in that order. Keys that are data stay
// what they are. Wants !HasRefKeys(o). kMemory.
Result Rebuild(Heap& heap, const Object* o, std::span<const Value> parts);

}  // namespace vesicle

#endif  // VESICLE_VM_VALUE_STRUCTURE_H_
