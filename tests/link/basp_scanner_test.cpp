// SPDX-License-Identifier: Apache-2.0
#include "runtime/link/basp_scanner.hpp"

#include <caf/binary_serializer.hpp>
#include <caf/io/basp/header.hpp>
#include <gtest/gtest.h>

namespace stagedoor::link {
namespace {

/// As CAF itself writes it.
std::string caf_header(caf::io::basp::message_type operation, std::uint32_t length) {
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer to(nullptr, bytes);
  const caf::io::basp::header h(operation, 0, length, 7, 11, 13);
  EXPECT_FALSE(to(h));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(basp_scanner, reads_the_headers_that_caf_writes) {
  ASSERT_EQ(caf::io::basp::header_size, basp_scanner::header_bytes);
  std::string stream;
  std::uint64_t count = 0;
  for (int operation = 0; operation <= 6; ++operation)
    for (const std::uint32_t length : {0U, 1U, 31U, 32U, 33U, 65536U}) {
      const auto header = caf_header(static_cast<caf::io::basp::message_type>(operation), length);
      ASSERT_EQ(header.size(), basp_scanner::header_bytes);
      stream += header + std::string(length, '\xff');
      ++count;
    }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{4096}}) {
    basp_scanner s(65536);
    for (std::size_t at = 0; at < stream.size(); at += piece)
      ASSERT_TRUE(s.scan(std::string_view(stream).substr(at, piece)));
    EXPECT_EQ(s.messages(), count);
  }
}

TEST(basp_scanner, refuses_the_first_byte_above_the_limit) {
  const auto direct = caf::io::basp::message_type::direct_message;
  basp_scanner s(1000);
  EXPECT_TRUE(s.scan(caf_header(direct, 1000) + std::string(1000, 'x')));
  const auto over = s.scan(caf_header(direct, 1001));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().kind, fault_kind::too_large);
}

TEST(basp_scanner, refuses_four_gigabytes_and_operations_that_do_not_exist) {
  basp_scanner huge(1U << 20U);
  const auto length =
      huge.scan(caf_header(caf::io::basp::message_type::server_handshake, 0xffffffff));
  ASSERT_FALSE(length);
  EXPECT_EQ(length.error().kind, fault_kind::too_large);
  basp_scanner unknown(1U << 20U);
  const auto operation = unknown.scan(caf_header(static_cast<caf::io::basp::message_type>(7), 0));
  ASSERT_FALSE(operation);
  EXPECT_EQ(operation.error().kind, fault_kind::malformed);
}

TEST(basp_scanner, a_new_stream_begins_with_a_header) {
  basp_scanner s(1000);
  const auto direct = caf::io::basp::message_type::direct_message;
  EXPECT_TRUE(s.scan(caf_header(direct, 500)));
  s.restart();
  EXPECT_TRUE(s.scan(caf_header(direct, 0)));
  EXPECT_EQ(s.messages(), 2U);
}

}  // namespace
}  // namespace stagedoor::link
