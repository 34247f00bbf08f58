#include "dg4d/base/status.h"

#include <c10/util/Exception.h>

#include <new>
#include <stdexcept>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<int> Half(int x) {
  if (x % 2) return absl::InvalidArgumentError("odd");
  return x / 2;
}

absl::StatusOr<int> Quarter(int x) {
  DG4D_ASSIGN_OR_RETURN(const int half, Half(x));
  DG4D_ASSIGN_OR_RETURN(int quarter, Half(half));
  return quarter;
}

TEST(Status, AssignsOrReturns) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).status().message(), "odd");
}

TEST(Status, AnnotationKeepsTheCode) {
  EXPECT_TRUE(Annotate(absl::OkStatus(), "here").ok());
  const absl::Status status = Annotate(absl::NotFoundError("gone"), "here");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "here: gone");
}

TEST(CatchExceptions, PassesAStatusOn) {
  EXPECT_TRUE(CatchExceptions([] { return absl::OkStatus(); }).ok());
  EXPECT_EQ(CatchExceptions([] { return absl::AbortedError("x"); }).code(),
            absl::StatusCode::kAborted);
}

TEST(CatchExceptions, AdvisesWhenMemoryIsOut) {
  const absl::Status status =
      CatchExceptions([]() -> absl::Status { throw std::bad_alloc(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  for (const char* option :
       {"smaller settings", "views.count", "batch_size", "n_views",
        "clip_frames", "oom_hack", "lambda_svd", "micro_batch",
        "batched_guidance", "decode_chunk", "encode_chunk"}) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(option));
  }
}

TEST(CatchExceptions, KnowsTheKindsOfBeingOutOfMemory) {
  EXPECT_TRUE(IsOutOfMemory(std::bad_alloc()));
  EXPECT_TRUE(IsOutOfMemory(c10::OutOfMemoryError({}, "CUDA is full")));
  EXPECT_TRUE(IsOutOfMemory(
      std::runtime_error("DefaultCPUAllocator: not enough memory: you tried to "
                         "allocate 9 bytes")));
  EXPECT_FALSE(IsOutOfMemory(std::runtime_error("sizes differ")));
  const absl::Status status = CatchExceptions([]() -> absl::Status {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to");
    return absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("out of memory (CUDA out of memory. Tried to)"));
}

TEST(CatchExceptions, MakesInternalErrorsOfTheRest) {
  const absl::Status standard = CatchExceptions(
      []() -> absl::Status { throw std::runtime_error("why\nbacktrace"); });
  EXPECT_EQ(standard.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(standard.message(), "why");
  const absl::Status torch = CatchExceptions([]() -> absl::Status {
    TORCH_CHECK(false, "sizes differ");
    return absl::OkStatus();
  });
  EXPECT_EQ(torch.code(), absl::StatusCode::kInternal);
  EXPECT_EQ(torch.message(), "sizes differ");
  EXPECT_EQ(CatchExceptions([]() -> absl::Status { throw 1; }).code(),
            absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace dg4d
