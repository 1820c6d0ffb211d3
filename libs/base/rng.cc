#include "libs/base/rng.h"

#include "libs/base/check.h"

namespace meros {
namespace {

uint64_t SplitMix64(uint64_t* state) {
  uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

uint64_t RotateLeft(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

}  // namespace

Rng::Rng(uint64_t seed) {
  for (uint64_t& word : state_) word = SplitMix64(&seed);
}

uint64_t Rng::Next() {
  const uint64_t result = RotateLeft(state_[1] * 5, 7) * 9;
  const uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = RotateLeft(state_[3], 45);
  return result;
}

uint64_t Rng::Uniform(uint64_t low, uint64_t high) {
  MEROS_CHECK(low <= high) << low << " > " << high;
  const uint64_t span = high - low + 1;
  if (span == 0) return Next();  // the full 64-bit range
  // Reject the unfair tail, so that every value is equally likely.
  const uint64_t limit = UINT64_MAX - (UINT64_MAX % span + 1) % span;
  uint64_t value = Next();
  while (value > limit) value = Next();
  return low + value % span;
}

double Rng::UniformDouble() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }

bool Rng::Chance(double p) { return UniformDouble() < p; }

std::string Rng::UuidBytes() {
  std::string bytes(16, '\0');
  for (int half = 0; half < 2; ++half) {
    uint64_t word = Next();
    for (int i = 0; i < 8; ++i, word >>= 8) bytes[half * 8 + i] = static_cast<char>(word & 0xff);
  }
  // RFC 4122 section 4.4: version 4, variant 10.
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  return bytes;
}

std::string Rng::Uuid() { return UuidText(UuidBytes()); }

std::string UuidText(const std::string& bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  text.reserve(36);
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes.size() == 16 && (i == 4 || i == 6 || i == 8 || i == 10)) text.push_back('-');
    const unsigned char byte = bytes[i];
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 0x0f]);
  }
  return text;
}

}  // namespace meros
