// The life of a service as bytes, for fuzzing: a list of entries, each a byte that says who speaks,
// two for the length of what is said (little endian), and what is said, mostly a message in
// protobuf's encoding. Of speakers that say nothing the length is a number that they mean something
// by. Any bytes are a script: who speaks is taken modulo the number of speakers, and the last entry
// has what bytes are left.
//
// Thread rule: functions of their arguments; thread-safe but for PlayScript, which turns off what
// protobuf writes.
#pragma once

#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "libs/base/check.h"
#include "libs/base/rng.h"

namespace meros::testing {

// Bounds what one script costs.
inline constexpr int kEntriesMax = 200;

// An entry of a speaker that says nothing.
template <typename Speaker>
std::string Entry(Speaker speaker, uint16_t length) {
  static_assert(std::is_same_v<std::underlying_type_t<Speaker>, uint8_t>);
  return {static_cast<char>(speaker), static_cast<char>(length & 0xff),
          static_cast<char>(length >> 8)};
}

// An entry of one that says something.
template <typename Speaker>
std::string Entry(Speaker speaker, absl::string_view message) {
  MEROS_CHECK(message.size() <= 0xffff) << message.size();
  std::string entry = Entry(speaker, static_cast<uint16_t>(message.size()));
  entry.append(message.data(), message.size());
  return entry;
}

// Bytes of any kind, 400 at most.
inline std::string Noise(Rng* rng) {
  std::string noise;
  for (uint64_t n = rng->Uniform(0, 400); n > 0; --n) {
    noise += static_cast<char>(rng->Uniform(0, 255));
  }
  return noise;
}

// Which speakers say nothing: those from `first` to before `end`.
template <typename Speaker>
struct Silent {
  Speaker first;
  Speaker end;
  bool Has(Speaker speaker) const { return first <= speaker && speaker < end; }
};

// Calls `visit(speaker, length, message)` for each entry. Speakers are those below `count`.
template <typename Speaker, typename Visit>
void ReadScript(absl::string_view script, Silent<Speaker> silent, Speaker count, Visit visit) {
  for (int i = 0; i < kEntriesMax && script.size() >= 3; ++i) {
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(script[at]); };
    const auto speaker = static_cast<Speaker>(byte(0) % static_cast<uint8_t>(count));
    const auto length = static_cast<uint16_t>(byte(1) | byte(2) << 8);
    script.remove_prefix(3);
    const size_t bytes = silent.Has(speaker) ? 0 : std::min<size_t>(length, script.size());
    visit(speaker, length, script.substr(0, bytes));
    script.remove_prefix(bytes);
  }
}

// The same where all from `first_silent` on say nothing.
template <typename Speaker, typename Visit>
void ReadScript(absl::string_view script, Speaker first_silent, Speaker count, Visit visit) {
  ReadScript(script, Silent<Speaker>{first_silent, count}, count, visit);
}

// The same of what a fuzzer gives, without the line that protobuf writes for every bad string.
template <typename SilentOnes, typename Speaker, typename Visit>
void PlayScript(const uint8_t* data, size_t size, SilentOnes silent, Speaker count, Visit visit) {
  static google::protobuf::LogHandler* const before = google::protobuf::SetLogHandler(nullptr);
  (void)before;
  ReadScript({reinterpret_cast<const char*>(data), size}, silent, count, visit);
}

// Moves `now` by `by` and ticks the core whenever it asks for it until then. CHECKs that it does
// not ask for one moment again and again.
template <typename Core, typename TickCore>
void PassTime(const Core& core, absl::Duration by, absl::Time* now, TickCore tick) {
  constexpr int kTicksMax = 100;  // at one moment; with more a strand would do nothing else
  const absl::Time end = *now + by;
  for (int ticks = 0; core.NextDeadline() <= end; ++ticks) {
    if (core.NextDeadline() > *now) {
      *now = core.NextDeadline();
      ticks = 0;
    }
    MEROS_CHECK(ticks < kTicksMax) << "the core asks for the time again and again";
    tick();
  }
  *now = end;
}

}  // namespace meros::testing
