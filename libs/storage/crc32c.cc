#include "libs/storage/crc32c.h"

#include <array>

namespace meros::storage {
namespace {

constexpr std::array<uint32_t, 256> MakeTable() {
  constexpr uint32_t kReversedPolynomial = 0x82f63b78;
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();

}  // namespace

uint32_t Crc32c(absl::string_view bytes, uint32_t crc) {
  crc = ~crc;
  for (const char c : bytes) crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(c)) & 0xff];
  return ~crc;
}

uint32_t RowChecksum(absl::string_view key, absl::string_view value) {
  const char length[2] = {static_cast<char>(key.size() & 0xff),
                          static_cast<char>((key.size() >> 8) & 0xff)};
  return Crc32c(value, Crc32c(key, Crc32c(absl::string_view(length, 2))));
}

}  // namespace meros::storage
