// Conversions of the types that are made of others: the second half of convert.h, which includes
// it.
#ifndef VESICLE_VM_NATIVE_CONVERT_COMPOSED_H_
#define VESICLE_VM_NATIVE_CONVERT_COMPOSED_H_

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "vm/native/convert.h"

#pragma GCC visibility push(default)
namespace vesicle {

template <typename T>
struct Convert<std::optional<T>> {
  static std::string Name() { return Convert<T>::Name() + " or nil"; }
  static Value To(Build& build, const std::optional<T>& t) {
    return t ? Convert<T>::To(build, *t) : Value::Nil();
  }
  static bool From(Reading& in, Value v, std::optional<T>* out) {
    if (v.is_nil()) return out->reset(), true;
    T t{};
    if (!Convert<T>::From(in, v, &t)) return false;
    *out = std::move(t);
    return true;
  }
};

template <typename T>
struct Convert<std::vector<T>> {
  static std::string Name() { return "a list"; }
  static Value To(Build& build, const std::vector<T>& t) {
    std::vector<Value> values;
    values.reserve(t.size());
    for (const T& x : t) values.push_back(Convert<T>::To(build, x));
    return build.List(values);
  }
  static bool From(Reading& in, Value v, std::vector<T>* out) {
    if (!IsList(v)) return in.Wanted(Name(), v);
    if (!in.Take(ListSize(v), 0)) return false;
    out->clear();
    out->reserve(ListSize(v));
    Value position = kListStart, leaf, x;
    while (ListNext(v, position, leaf, x)) {
      T t{};
      if (!Convert<T>::From(in, x, &t)) return in.In(convert_internal::Element(out->size()));
      out->push_back(std::move(t));
    }
    return true;
  }
};

template <typename... Ts>
struct Convert<std::tuple<Ts...>> {
  static std::string Name() { return "a list of " + std::to_string(sizeof...(Ts)); }
  static Value To(Build& build, const std::tuple<Ts...>& t) {
    return std::apply(
        [&](const Ts&... ts) {
          const Value values[sizeof...(Ts) + 1] = {Convert<Ts>::To(build, ts)...};
          return build.List(std::span(values, sizeof...(Ts)));
        },
        t);
  }
  static bool From(Reading& in, Value v, std::tuple<Ts...>* out) {
    if (!convert_internal::ListOf(in, v, sizeof...(Ts), Name())) return false;
    uint64_t i = 0;
    const auto one = [&]<typename T>(T& t) {
      if (Convert<T>::From(in, ListAt(v, i), &t)) return ++i, true;
      return in.In(convert_internal::Element(i));
    };
    return std::apply([&](Ts&... ts) { return (one(ts) && ...); }, *out);
  }
};

template <typename A, typename B>
struct Convert<std::pair<A, B>> {
  static std::string Name() { return "a list of 2"; }
  static Value To(Build& build, const std::pair<A, B>& t) {
    return Convert<std::tuple<A, B>>::To(build, t);
  }
  static bool From(Reading& in, Value v, std::pair<A, B>* out) {
    std::tuple<A, B> both;
    if (!Convert<std::tuple<A, B>>::From(in, v, &both)) return false;
    *out = {std::move(std::get<0>(both)), std::move(std::get<1>(both))};
    return true;
  }
};

namespace convert_internal {
template <typename Map>
struct ConvertMap {
  using Key = typename Map::key_type;
  using Mapped = typename Map::mapped_type;
  static std::string Name() { return "a map"; }
  static Value To(Build& build, const Map& t) {
    Value map = build.Map({});
    for (const auto& [key, value] : t) {
      map = build.PutAt(map, Convert<Key>::To(build, key), Convert<Mapped>::To(build, value));
    }
    return map;
  }
  static bool From(Reading& in, Value v, Map* out) {
    if (!IsMap(v)) return in.Wanted(Name(), v);
    if (!in.Take(MapSize(v), 0)) return false;
    out->clear();
    Value position = kMapStart, leaf;
    MapEntry entry;
    while (MapNext(v, position, leaf, entry)) {
      Key key{};
      Mapped value{};
      if (!Convert<Key>::From(in, entry.key, &key)) return in.In("a key");
      if (!Convert<Mapped>::From(in, entry.value, &value)) return in.In(ValueAt(entry.key));
      out->insert_or_assign(std::move(key), std::move(value));
    }
    return true;
  }
};
}  // namespace convert_internal

template <typename K, typename V, typename... More>
struct Convert<std::map<K, V, More...>> : convert_internal::ConvertMap<std::map<K, V, More...>> {};
template <typename K, typename V, typename... More>
struct Convert<std::unordered_map<K, V, More...>>
    : convert_internal::ConvertMap<std::unordered_map<K, V, More...>> {};

template <typename... Ts>
struct Convert<std::variant<Ts...>> {
  static std::string Name() {
    std::string name;
    ((name += (name.empty() ? "" : ", or ") + Convert<Ts>::Name()), ...);
    return name;
  }
  static Value To(Build& build, const std::variant<Ts...>& t) {
    return std::visit([&]<typename T>(const T& x) { return Convert<T>::To(build, x); }, t);
  }
  static bool From(Reading& in, Value v, std::variant<Ts...>* out) {
    if ((Try<Ts>(in, v, out) || ...)) return true;
    if (in.is_over_limit()) return false;
    in.Forget();
    return in.Wanted(Name(), v);
  }

 private:
  template <typename T>
  static bool Try(Reading& in, Value v, std::variant<Ts...>* out) {
    if (in.is_over_limit()) return false;
    in.Forget();
    T t{};
    if (!Convert<T>::From(in, v, &t)) return false;
    *out = std::move(t);
    return true;
  }
};

namespace convert_internal {
template <typename S, typename F>
struct ConvertStruct;
template <typename S, auto... kMembers>
struct ConvertStruct<S, FieldList<kMembers...>> {
  static constexpr std::string_view kTag = SnakeClassName<S>();
  static std::string Name() { return StructName(kTag, {SnakeName<kMembers>()...}); }
  static Value To(Build& build, const S& s) {
    const Value values[sizeof...(kMembers) + 1] = {
        Convert<FieldType<kMembers, const S>>::To(build, s.*kMembers)...};
    return MakeStruct(build, kTag, std::span(values, sizeof...(kMembers)));
  }
  static bool From(Reading& in, Value v, S* out) {
    if (!in.Take(1, 0)) return false;
    const Value* field = FieldsOfStruct(in, v, kTag, sizeof...(kMembers), Name());
    if (field == nullptr) return false;
    return (One<kMembers>(in, *field++, out) && ...);
  }

 private:
  template <auto kMember>
  static bool One(Reading& in, Value v, S* out) {
    if (Convert<FieldType<kMember, S>>::From(in, v, &(out->*kMember))) return true;
    return in.In(FieldIn(SnakeName<kMember>(), kTag));
  }
};
}  // namespace convert_internal

template <typename S>
struct Convert<S, std::void_t<typename S::Fields>>
    : convert_internal::ConvertStruct<S, typename S::Fields> {};

}  // namespace vesicle
#pragma GCC visibility pop

#endif  // VESICLE_VM_NATIVE_CONVERT_COMPOSED_H_
