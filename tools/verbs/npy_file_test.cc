#include "tools/verbs/npy_file.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>

#include <cstring>

#include "dg4d/base/files.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

TEST(NpyFile, IsWhatTheFormatSays) {
  const std::string path = testing::TempDir() + "/matrix.npy";
  // Written row by row, whatever the strides.
  ASSERT_TRUE(
      WriteNpyFile(path, at::arange(6, at::kFloat).view({3, 2}).t()).ok());
  const std::string bytes = ReadFile(path).value();
  const std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\1\0", 8));
  const size_t length = static_cast<unsigned char>(bytes[8]) +
                        256 * static_cast<unsigned char>(bytes[9]);
  EXPECT_EQ((10 + length) % 64, 0);
  EXPECT_EQ(bytes.substr(10, header.size()), header);
  EXPECT_EQ(bytes[10 + length - 1], '\n');
  float values[6];
  ASSERT_EQ(bytes.size(), 10 + length + sizeof(values));
  std::memcpy(values, bytes.data() + 10 + length, sizeof(values));
  const float expected[6] = {0, 2, 4, 1, 3, 5};
  for (int i = 0; i < 6; ++i) EXPECT_EQ(values[i], expected[i]);
}

TEST(NpyFile, WritesOneSizeAsATuple) {
  const std::string path = testing::TempDir() + "/row.npy";
  ASSERT_TRUE(WriteNpyFile(path, at::ones({4}, at::kLong)).ok());
  EXPECT_NE(ReadFile(path)->find("'descr': '<i8'"), std::string::npos);
  EXPECT_NE(ReadFile(path)->find("'shape': (4,), }"), std::string::npos);
}

TEST(NpyFile, RefusesOtherTypes) {
  const absl::Status status = WriteNpyFile("x.npy", at::ones({1}, at::kHalf));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace dg4d
