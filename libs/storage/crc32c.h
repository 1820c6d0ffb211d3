// CRC-32C (Castagnoli), the checksum under every stored row: it finds every single-bit and double-bit
// error in values of our size. Source: RFC 3720 section B.4.
//
// Thread rule: thread-safe.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace meros::storage {

// Continues the checksum `crc` of earlier bytes, 0 at the start. Cost: about 2 ns a byte.
uint32_t Crc32c(absl::string_view bytes, uint32_t crc = 0);

// The checksum of a row: covers the key too, and where it ends.
uint32_t RowChecksum(absl::string_view key, absl::string_view value);

}  // namespace meros::storage
