// SPDX-License-Identifier: Apache-2.0
// How a plain struct becomes a message: its fields, its enums, its place in the list of types.
//
// CAF 0.17 and 1.x disagree about inspection, about std::optional and about enums. Messages are
// written once with the macros below; this file is all that changes with the version of CAF.
//
//   struct start_child {
//     std::string id;
//     std::optional<std::string> argument;
//   };
//   MESSAGE_FIELDS(start_child, id, argument)      // after the struct, in its namespace
//
//   enum class child_kind : std::uint8_t { worker, supervisor };
//   MESSAGE_ENUM(child_kind, supervisor)           // the last enumerator: larger values are
//   refused
//
// Fields may be integers, bool, strings, enums, chrono durations, other structs with
// MESSAGE_FIELDS, vectors, sets and maps of those, and std::optional of those (an optional inside a
// container, and an enum inside one, are not: wrap them in a struct). No floats, which CAF 0.17
// mangles on the wire, and no actor handles in anything that may cross nodes. On failure: bytes
// from a peer that do not fit (an unknown enumerator) fail the whole message.
#pragma once

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/sec.hpp>
#include <caf/type_id.hpp>

#include <optional>
#include <type_traits>
#include <vector>

namespace stagedoor::messages {

/// An actor of this node. Never in a message that crosses nodes.
using actor_handle = caf::actor;

/// Specialised by MESSAGE_ENUM; an enum without it does not compile as a field.
template <class Enum>
struct enum_limit;

template <class Enum>
struct enum_field {
  Enum& value;
};

template <class T>
struct optional_field {
  std::optional<T>& value;
};

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
struct is_byte_vector : std::false_type {};
template <class T, class Allocator>
struct is_byte_vector<std::vector<T, Allocator>> : std::bool_constant<sizeof(T) == 1> {};

/// What the inspector is shown for a field: the field, or a wrapper that CAF can read and write.
template <class T>
decltype(auto) as_field(T& field) {
  static_assert(!std::is_floating_point_v<T>, "CAF 0.17 mangles NaN and infinity on the wire");
  static_assert(!is_byte_vector<T>::value,
                "allocates what a peer claims: use std::string for bytes");
  if constexpr (std::is_enum_v<T>) {
    return enum_field<T>{field};
  } else if constexpr (is_optional<T>::value) {
    return optional_field<typename T::value_type>{field};
  } else {
    return (field);
  }
}

template <class Inspector, class Enum>
typename Inspector::result_type inspect(Inspector& f, enum_field<Enum>& x) {
  auto number = static_cast<std::underlying_type_t<Enum>>(x.value);
  if constexpr (Inspector::writes_state) {
    if (auto error = f(number)) return error;
    if (number < 0 || number > static_cast<decltype(number)>(enum_limit<Enum>::last))
      return caf::make_error(caf::sec::unknown_type, "enumerator out of range");
    x.value = static_cast<Enum>(number);
    return {};
  } else {
    return f(number);
  }
}

template <class Inspector, class T>
typename Inspector::result_type inspect(Inspector& f, optional_field<T>& x) {
  bool present = x.value.has_value();
  if constexpr (Inspector::writes_state) {
    if (auto error = f(present)) return error;
    if (!present) return x.value.reset(), caf::error{};
    auto&& inner = as_field(x.value.emplace());
    return f(inner);
  } else {
    if (!present) return f(present);
    auto&& inner = as_field(*x.value);
    return f(present, inner);
  }
}

}  // namespace stagedoor::messages

#define STAGEDOOR_PARENS ()
#define STAGEDOOR_EXPAND(...) STAGEDOOR_EXPAND3(STAGEDOOR_EXPAND3(STAGEDOOR_EXPAND3(__VA_ARGS__)))
#define STAGEDOOR_EXPAND3(...) STAGEDOOR_EXPAND2(STAGEDOOR_EXPAND2(STAGEDOOR_EXPAND2(__VA_ARGS__)))
#define STAGEDOOR_EXPAND2(...) STAGEDOOR_EXPAND1(STAGEDOOR_EXPAND1(STAGEDOOR_EXPAND1(__VA_ARGS__)))
#define STAGEDOOR_EXPAND1(...) __VA_ARGS__
#define STAGEDOOR_FIELDS(...) __VA_OPT__(STAGEDOOR_EXPAND(STAGEDOOR_FIELDS_STEP(__VA_ARGS__)))
#define STAGEDOOR_FIELDS_STEP(field, ...)    \
  , ::stagedoor::messages::as_field(x.field) \
        __VA_OPT__(STAGEDOOR_FIELDS_AGAIN STAGEDOOR_PARENS(__VA_ARGS__))
#define STAGEDOOR_FIELDS_AGAIN() STAGEDOOR_FIELDS_STEP

/// Shows the named fields of a struct to CAF, in this order; up to 26 of them, or none.
#define MESSAGE_FIELDS(type, ...)                                                   \
  template <class Inspector>                                                        \
  typename Inspector::result_type inspect(Inspector& f, [[maybe_unused]] type& x) { \
    return f(caf::meta::type_name(#type) STAGEDOOR_FIELDS(__VA_ARGS__));            \
  }

/// Allows an enum as a field. `last_value` is its largest enumerator. Use at namespace scope of
/// stagedoor::messages.
#define MESSAGE_ENUM(type, last_value)             \
  template <>                                      \
  struct enum_limit<type> {                        \
    static constexpr type last = type::last_value; \
  };

/// The list of message types: see messages/type_ids.hpp, its only user.
#define MESSAGE_TYPES_BEGIN() CAF_BEGIN_TYPE_ID_BLOCK(stagedoor, caf::first_custom_type_id)
#define MESSAGE_TYPE(name)        \
  namespace stagedoor::messages { \
  struct name;                    \
  }                               \
  CAF_ADD_TYPE_ID(stagedoor, (stagedoor::messages::name))
#define MESSAGE_TYPES_END() CAF_END_TYPE_ID_BLOCK(stagedoor)
