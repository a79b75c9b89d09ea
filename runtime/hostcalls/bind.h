// Typed host functions. A host function of the lunatic ABI is a plain C++ function
//
//   Outcome<u32> write_data(Process& self, GuestRange source);
//
// and bind<"message", "write_data", write_data>() makes its row: the adapter takes the parameters out of the transfer area, puts
// the result there, and turns a Fault into a trap with the function's name. That functions.def has a row with this name and the
// type that the C++ function implies is checked when this is compiled.
//
// Parameter types and their letters
//   u32 i32 "i"   u64 i64 "I"   f64 "F"
//   GuestRange "ii"    address and length, unchecked; the function checks it where the ABI does
//   GuestBytes "ii"    the same, checked before the function runs: outside the memory traps
//   GuestText  "ii"    the same, and UTF-8
//   Out<T>     "i"     address of an out-parameter of sizeof(T) bytes (ABI document 0.4)
//   Io         ""      the transfer area: for arguments of a guest function (HostStatus::kCall)
// Result: Outcome<T> with T of the first line, or Outcome<void>.
//
// Nothing here allocates except the text of a trap, once per (function, cause).
#pragma once

#include <bit>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/guest_memory.h"
#include "runtime/hostcalls/function_table.h"
#include "runtime/process.h"
#include "runtime/wait.h"
#include "vm/host_function.h"
#include "vm/reductions.h"

namespace lunabeam::runtime::hostcalls {

// Why a host function traps; `what` is a string literal, put behind "lunatic::<area>::<name>: ".
struct Fault {
  const char* what;
  vm::TrapKind kind = vm::TrapKind::kHost;
};

inline constexpr Fault kOutOfBounds{"out of bounds guest memory access"};
inline constexpr Fault kNotUtf8{"the text is not valid UTF-8"};
inline constexpr Fault kTextTooLong{"the text is longer than 1 MiB"};
inline constexpr Fault kOutOfMemory{"out of memory", vm::TrapKind::kOutOfMemory};

struct Done {};
struct Parked {};   // HostStatus::kPark
struct Calling {};  // HostStatus::kCall

// What a host function says: a result, or why there is none.
template <class T>
class Outcome {
 public:
  // NOLINTBEGIN(google-explicit-constructor): `return 0;` and `return kOutOfBounds;` are the point.
  constexpr Outcome(T value) : value_(value) {}
  constexpr Outcome(Fault fault) : status_(vm::HostStatus::kTrap), fault_(fault) {}
  constexpr Outcome(Parked) : status_(vm::HostStatus::kPark) {}
  constexpr Outcome(Calling) : status_(vm::HostStatus::kCall) {}
  // NOLINTEND(google-explicit-constructor)
  [[nodiscard]] constexpr vm::HostStatus status() const { return status_; }
  [[nodiscard]] constexpr T value() const { return value_; }
  [[nodiscard]] constexpr Fault fault() const { return fault_; }

 private:
  vm::HostStatus status_ = vm::HostStatus::kDone;
  T value_{};
  Fault fault_{nullptr};
};

template <>
class Outcome<void> : public Outcome<Done> {
 public:
  using Outcome<Done>::Outcome;
};

// An address and a length as the guest gave them (ABI document 0.3).
struct GuestRange {
  u32 address = 0;
  u32 length = 0;

  // nullopt: outside the memory, or no memory is exported.
  [[nodiscard]] std::optional<std::span<u8>> bytes(Process& self) const { return guest_bytes(self, address, length); }
};

struct GuestBytes {
  u8* data = nullptr;
  u64 size = 0;
};

struct GuestText {
  std::string_view text;
};

template <class T>
struct Out {
  u32 address = 0;

  [[nodiscard]] bool is_valid(Process& self) const { return guest_bytes(self, address, sizeof(T)).has_value(); }
  // False: out of bounds, nothing written.
  [[nodiscard]] bool write(Process& self, T value) const {
    const auto bytes = guest_bytes(self, address, sizeof(T));
    if (!bytes) [[unlikely]]
      return false;
    std::memcpy(bytes->data(), &value, sizeof(T));
    return true;
  }
};

struct Io {
  u64* words = nullptr;
};

// Charges work that grows with `bytes` (rule R1); a call costs one reduction anyway.
inline void charge_work(Process& self, u64 bytes) {
  if (bytes >= vm::kBulkBytesPerReduction) [[unlikely]]
    self.exec.reductions -= static_cast<i64>(bytes / vm::kBulkBytesPerReduction);
}

// Longer names, paths and arguments are looked at by no function: a call must not hold its scheduler.
inline constexpr u64 kMaxTextBytes = u64{1} << 20;

// Text of a range: the fault it would trap with, or nothing and `text` set.
[[nodiscard]] inline std::optional<Fault> read_text(Process& self, GuestRange range, std::string_view& text) {
  if (range.length > kMaxTextBytes) [[unlikely]]
    return range.bytes(self) ? kTextTooLong : kOutOfBounds;
  charge_work(self, u64{range.length} * 8);  // It is checked, and mostly hashed or copied too.
  const GuestString string = guest_string(self, range.address, range.length);
  if (string.error == GuestStringError::kOutOfBounds) [[unlikely]]
    return kOutOfBounds;
  if (string.error == GuestStringError::kNotUtf8) [[unlikely]]
    return kNotUtf8;
  text = string.text;
  return std::nullopt;
}

template <size_t N>
struct FixedString {
  char text[N] = {};
  consteval FixedString(const char (&literal)[N]) {  // NOLINT(google-explicit-constructor): a template argument.
    for (size_t i = 0; i < N; ++i) text[i] = literal[i];
  }
  [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

namespace detail {

// How one C++ parameter comes out of the transfer area. get() may set `fault`.
template <class T>
struct Param;

template <class T, char kLetter>
struct ScalarParam {
  static constexpr char kLetters[] = {kLetter};
  static constexpr size_t kCount = 1;
  static T get(Process&, const u64* words, const u64*, Fault&) {
    if constexpr (std::is_floating_point_v<T>)
      return std::bit_cast<T>(*words);
    else
      return static_cast<T>(*words);
  }
};
template <>
struct Param<u32> : ScalarParam<u32, 'i'> {};
template <>
struct Param<i32> : ScalarParam<i32, 'i'> {};
template <>
struct Param<u64> : ScalarParam<u64, 'I'> {};
template <>
struct Param<i64> : ScalarParam<i64, 'I'> {};
template <>
struct Param<f64> : ScalarParam<f64, 'F'> {};

template <>
struct Param<GuestRange> {
  static constexpr char kLetters[] = {'i', 'i'};
  static constexpr size_t kCount = 2;
  static GuestRange get(Process&, const u64* words, const u64*, Fault&) {
    return {static_cast<u32>(words[0]), static_cast<u32>(words[1])};
  }
};
template <>
struct Param<GuestBytes> : Param<GuestRange> {
  static GuestBytes get(Process& self, const u64* words, const u64* io, Fault& fault) {
    const auto bytes = Param<GuestRange>::get(self, words, io, fault).bytes(self);
    if (!bytes) [[unlikely]] {
      fault = kOutOfBounds;
      return {};
    }
    return {bytes->data(), bytes->size()};
  }
};
template <>
struct Param<GuestText> : Param<GuestRange> {
  static GuestText get(Process& self, const u64* words, const u64* io, Fault& fault) {
    GuestText text;
    if (const auto problem = read_text(self, Param<GuestRange>::get(self, words, io, fault), text.text))
      fault = *problem;
    return text;
  }
};
template <class T>
struct Param<Out<T>> {
  static constexpr char kLetters[] = {'i'};
  static constexpr size_t kCount = 1;
  static Out<T> get(Process&, const u64* words, const u64*, Fault&) { return {static_cast<u32>(*words)}; }
};
template <>
struct Param<Io> {
  static constexpr char kLetters[] = {' '};
  static constexpr size_t kCount = 0;
  static Io get(Process&, const u64*, const u64* io, Fault&) { return {const_cast<u64*>(io)}; }
};

template <class T>
struct ResultLetter;
template <>
struct ResultLetter<u32> {
  static constexpr char kLetter = 'i';
};
template <>
struct ResultLetter<i32> : ResultLetter<u32> {};
template <>
struct ResultLetter<u64> {
  static constexpr char kLetter = 'I';
};
template <>
struct ResultLetter<i64> : ResultLetter<u64> {};

// Types of `Outcome<R> function(Process&, Args...)`.
template <class Function>
struct Signature;
template <class R, class... Args>
struct Signature<Outcome<R> (*)(Process&, Args...)> {
  using Result = R;
  using Arguments = std::tuple<Args...>;
  static constexpr size_t kWords = (size_t{0} + ... + Param<Args>::kCount);

  // Whether these types are the ones of `letters`, e.g. "Iii:i".
  static consteval bool matches(std::string_view letters) {
    char text[kWords + 3] = {};
    size_t size = 0;
    [[maybe_unused]] auto add = [&](const char* from, size_t count) {
      for (size_t i = 0; i < count; ++i) text[size++] = from[i];
    };
    (add(Param<Args>::kLetters, Param<Args>::kCount), ...);
    text[size++] = ':';
    if constexpr (!std::is_void_v<R>) text[size++] = ResultLetter<R>::kLetter;
    return std::string_view(text, size) == letters;
  }
};

// Sets the trap of a host function: "<label>: <what>". Cold.
[[gnu::cold, gnu::noinline]] vm::HostStatus raise(Process& self, const char* label, Fault fault) noexcept;

// "lunatic::message::send", zero-terminated.
template <FixedString kArea, FixedString kName>
struct Label {
  static constexpr auto kText = [] {
    constexpr std::string_view kPrefix = "lunatic::";
    std::array<char, kPrefix.size() + kArea.view().size() + 2 + kName.view().size() + 1> text{};
    size_t size = 0;
    for (const std::string_view part : {kPrefix, kArea.view(), std::string_view("::"), kName.view()}) {
      for (const char c : part) text[size++] = c;
    }
    return text;
  }();
};

// The HostEntry of a typed function.
template <auto kFunction, class FunctionLabel>
vm::HostStatus entry(vm::ExecContext& exec, u64* io) {
  using Types = Signature<decltype(+kFunction)>;
  Process& self = process_of(exec);
  Fault fault{nullptr};
  return [&]<class... Args>(std::type_identity<std::tuple<Args...>>) {
    const u64* words = io;
    [[maybe_unused]] auto next = [&]<class T>(std::type_identity<T>) {
      const u64* const from = words;
      words += Param<T>::kCount;
      return Param<T>::get(self, from, io, fault);
    };
    // Braces: parameters are read from left to right.
    const std::tuple<Args...> arguments{next(std::type_identity<Args>{})...};
    if (fault.what != nullptr) [[unlikely]]
      return raise(self, FunctionLabel::kText.data(), fault);
    const auto outcome = std::apply([&](const Args&... args) { return kFunction(self, args...); }, arguments);
    if (outcome.status() == vm::HostStatus::kDone) [[likely]] {
      if constexpr (!std::is_void_v<typename Types::Result>) {
        io[0] = static_cast<std::make_unsigned_t<typename Types::Result>>(outcome.value());
      }
      return vm::HostStatus::kDone;
    }
    if (outcome.status() == vm::HostStatus::kTrap) return raise(self, FunctionLabel::kText.data(), outcome.fault());
    return outcome.status();
  }(std::type_identity<typename Types::Arguments>{});
}

// The row of functions.def with this name and C++ type; nullptr when there is none.
template <class Types>
consteval const FunctionRow* find_row(std::string_view area, std::string_view name) {
  for (const FunctionRow& row : kLunaticFunctions) {
    if (row.area == area && row.name == name && row.status != FunctionStatus::kTraps && Types::matches(row.signature)) {
      return &row;
    }
  }
  return nullptr;
}

}  // namespace detail

// A row that answers at once.
template <FixedString kArea, FixedString kName, auto kCall>
consteval vm::HostFunction bind() {
  constexpr const FunctionRow* kRow = detail::find_row<detail::Signature<decltype(+kCall)>>(kArea.view(), kName.view());
  static_assert(kRow != nullptr, "functions.def has no row with this name and type");
  return {.module = kRow->module,
          .name = kRow->name,
          .signature = kRow->signature,
          .call = &detail::entry<kCall, detail::Label<kArea, kName>>};
}

// A row that may park in a wait of wait.h; kResume has no parameters and the same result.
template <FixedString kArea, FixedString kName, auto kCall, auto kResume>
consteval vm::HostFunction bind_waiting() {
  using Resume = detail::Signature<decltype(+kResume)>;
  static_assert(Resume::kWords == 0);
  static_assert(std::is_same_v<typename Resume::Result, typename detail::Signature<decltype(+kCall)>::Result>);
  vm::HostFunction row = bind<kArea, kName, kCall>();
  row.resume = &detail::entry<kResume, detail::Label<kArea, kName>>;
  row.cancel = &cancel_wait;
  return row;
}

// A row that calls into the guest; kReturned takes the guest's results, kTrapped nothing.
template <FixedString kArea, FixedString kName, auto kCall, auto kReturned, auto kTrapped>
consteval vm::HostFunction bind_calling() {
  vm::HostFunction row = bind<kArea, kName, kCall>();
  row.returned = &detail::entry<kReturned, detail::Label<kArea, kName>>;
  row.trapped = &detail::entry<kTrapped, detail::Label<kArea, kName>>;
  return row;
}

}  // namespace lunabeam::runtime::hostcalls
