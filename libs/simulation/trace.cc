#include "libs/simulation/trace.h"

#include <cstring>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "libs/simulation/event_queue.h"

namespace meros::simulation {
namespace {

constexpr size_t kLineMax = 240;

}  // namespace

void Trace::Mix(absl::string_view bytes) {
  // FNV-1a over the length and the bytes: simple, and equal on every machine.
  uint64_t length = bytes.size();
  for (int i = 0; i < 8; ++i, length >>= 8) hash_ = (hash_ ^ (length & 0xff)) * 1099511628211u;
  for (const char c : bytes) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 1099511628211u;
}

void Trace::Add(absl::Time time, absl::string_view node, absl::string_view what) {
  const int64_t nanos = absl::ToInt64Nanoseconds(time - StartOfTime());
  char encoded[sizeof(nanos)];
  std::memcpy(encoded, &nanos, sizeof(nanos));
  Mix(absl::string_view(encoded, sizeof(encoded)));
  Mix(node);
  Mix(what);
  ++count_;
  lines_.push_back(absl::StrFormat("%14.6f %s %s", static_cast<double>(nanos) / 1e9, node,
                                   absl::CHexEscape(what.substr(0, kLineMax))));
  if (lines_.size() > lines_max_) lines_.pop_front();
}

std::string Trace::Tail() const {
  std::string text;
  for (const std::string& line : lines_) absl::StrAppend(&text, line, "\n");
  return text;
}

}  // namespace meros::simulation
