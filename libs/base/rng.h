// Deterministic pseudo-random numbers: the same seed gives the same sequence on every machine and
// compiler (the standard's distributions do not promise that). Not for secrets; shells seed it from
// the kernel (runtime::RandomSeed()), simulation from its seed.
//
// Algorithm: xoshiro256** by Blackman and Vigna, seeded through splitmix64.
// Thread rule: thread-compatible; normally confined to the core that owns it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>

namespace meros {

class Rng {
 public:
  explicit Rng(uint64_t seed);

  // A uniform 64-bit value.
  uint64_t Next();

  // Uniform in [low, high], both inclusive. REQUIRES: low <= high.
  uint64_t Uniform(uint64_t low, uint64_t high);

  // Uniform in [0, 1).
  double UniformDouble();

  // True with probability `p`; never for p <= 0, always for p >= 1.
  bool Chance(double p);

  // A random (version 4) UUID in its 36-character text form.
  std::string Uuid();

  // The same as 16 raw bytes, as status updates carry it.
  std::string UuidBytes();

  // Fisher-Yates; `items` is any random-access container.
  template <typename Container>
  void Shuffle(Container* items) {
    for (size_t i = items->size(); i > 1; --i) {
      std::swap((*items)[i - 1], (*items)[Uniform(0, i - 1)]);
    }
  }

 private:
  std::array<uint64_t, 4> state_;
};

// Text form of 16 raw bytes; bytes of another length are printed as plain hex.
std::string UuidText(const std::string& bytes);

}  // namespace meros
