#include "dg4d/imaging/matting.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/pickle.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using ::testing::HasSubstr;

std::string TestPath(const std::string& name) {
  return testing::TempDir() + "/matting_test_" + name + ".pt";
}

// A TorchScript file whose forward is `body`, of the picture x.
std::string Network(const std::string& name, const std::string& body,
                    at::ScalarType type = at::kFloat) {
  torch::jit::Module module("matting");
  module.register_parameter("scale", at::ones({1}).to(type), false);
  module.define(absl::StrCat("def forward(self, x):\n  ", body, "\n"));
  const std::string path = TestPath(name);
  module.save(path);
  return path;
}

// How red pixels are, without what else they are.
constexpr char kRedness[] = "return self.scale * (x[:, 0:1] - x[:, 1:2])";

MattingOptions Plain(const std::string& network,
                     const std::string& output = "probability") {
  return {.network = network,
          .size = 64,
          .mean = {0, 0, 0},
          .deviation = {1, 1, 1},
          .output = output};
}

// A red rectangle on white.
Image RedOnWhite() {
  Image image = {.pixels = at::ones({48, 80, 3})};
  image.pixels.narrow(0, 12, 20).narrow(1, 30, 25).narrow(2, 1, 2).fill_(0);
  return image;
}

Image Grey(double value) {
  return {.pixels = at::full({32, 32, 3}, value, at::kFloat)};
}

absl::StatusOr<at::Tensor> AlphaOf(const MattingOptions& options,
                                   const Image& image) {
  at::set_num_threads(1);
  const auto matting = Matting::Load(options, at::kCPU);
  if (!matting.ok()) return matting.status();
  return matting->Alpha(image);
}

std::string Failure(const MattingOptions& options) {
  const auto alpha = AlphaOf(options, RedOnWhite());
  EXPECT_TRUE(absl::IsInvalidArgument(alpha.status())) << alpha.status();
  return std::string(alpha.status().message());
}

TEST(Matting, FindsWhatTheNetworkTakesForTheObject) {
  const auto alpha = AlphaOf(Plain(Network("red", kRedness)), RedOnWhite());
  ASSERT_TRUE(alpha.ok()) << alpha.status();
  EXPECT_EQ(alpha->sizes(), at::IntArrayRef({48, 80}));
  at::Tensor truth = at::zeros({48, 80});
  truth.narrow(0, 12, 20).narrow(1, 30, 25).fill_(1);
  EXPECT_LT((*alpha - truth).abs().mean().item<double>(), 0.03);
  EXPECT_EQ((*alpha)[20][40].item<float>(), 1);
  EXPECT_EQ((*alpha)[2][2].item<float>(), 0);
}

TEST(Matting, ShowsTheNetworkANormalisedPictureOfItsSize) {
  MattingOptions options = Plain(Network("first", "return x[:, 0:1]"));
  options.mean = {0.5, 0, 0};
  options.deviation = {0.25, 1, 1};
  const auto alpha = AlphaOf(options, Grey(0.6));
  ASSERT_TRUE(alpha.ok()) << alpha.status();
  EXPECT_NEAR((*alpha)[16][16].item<double>(), 0.4, 1e-5);

  const auto sides =
      AlphaOf(Plain(Network("sides",
                            "return torch.zeros([1, 1, 4, 4]) + "
                            "float(x.size(2) * x.size(3)) / 8192")),
              Grey(0.6));
  ASSERT_TRUE(sides.ok()) << sides.status();
  EXPECT_EQ((*sides)[16][16].item<double>(), 0.5);
}

TEST(Matting, TakesLogitsAndStretchesOnRequest) {
  const std::string path = Network("weak", "return 0.3 * x[:, 0:1] + 0.1");
  Image image = Grey(0);
  image.pixels.narrow(0, 0, 16).fill_(1);
  const auto stretched = AlphaOf(Plain(path, "stretched"), image);
  ASSERT_TRUE(stretched.ok()) << stretched.status();
  EXPECT_NEAR(stretched->max().item<double>(), 1, 1e-6);
  EXPECT_NEAR(stretched->min().item<double>(), 0, 1e-6);
  const auto flat = AlphaOf(Plain(path, "stretched"), Grey(0));
  ASSERT_TRUE(flat.ok()) << flat.status();
  EXPECT_NEAR(flat->max().item<double>(), 0.1, 1e-6);
  const auto logits = AlphaOf(Plain(path, "logit"), image);
  ASSERT_TRUE(logits.ok()) << logits.status();
  EXPECT_NEAR(logits->max().item<double>(), 0.598688, 1e-5);
}

TEST(Matting, TakesTheFirstOfSeveralOutputs) {
  const auto expected = AlphaOf(Plain(Network("red", kRedness)), RedOnWhite());
  int count = 0;
  for (const char* body :
       {"y = x[:, 0:1] - x[:, 1:2]\n  return (y, x)",
        "y = x[:, 0:1] - x[:, 1:2]\n  return [[y, y * 0], [x]]",
        "y = x[:, 0:1] - x[:, 1:2]\n  return {\"matte\": y[0]}",
        "return x[0, 0] - x[0, 1]"}) {
    const auto alpha = AlphaOf(
        Plain(Network(absl::StrCat("several_", ++count), body)), RedOnWhite());
    ASSERT_TRUE(alpha.ok()) << alpha.status();
    EXPECT_TRUE(alpha->equal(*expected)) << body;
  }
}

TEST(Matting, RunsInTheTypeOfItsWeightsAndAlwaysTheSame) {
  const auto matting =
      Matting::Load(Plain(Network("half", kRedness, at::kHalf)), at::kCPU);
  ASSERT_TRUE(matting.ok()) << matting.status();
  const auto first = matting->Alpha(RedOnWhite());
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ((*first)[20][40].item<float>(), 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(matting->Alpha(RedOnWhite())->equal(*first));
  }
}

TEST(Matting, CutsOutInsideARectangle) {
  const auto matting = Matting::Load(Plain(Network("red", kRedness)), at::kCPU);
  ASSERT_TRUE(matting.ok()) << matting.status();
  const auto all = matting->CutOut(RedOnWhite());
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_TRUE(all->has_alpha());
  EXPECT_EQ(all->pixels[20][32][3].item<float>(), 1);
  // Where the edge is soft, the colour is the object's own.
  EXPECT_LT(all->pixels[20][30][1].item<float>(), 0.35);

  const auto part = matting->CutOut(
      RedOnWhite(), {.x = 40, .y = 4, .width = 100, .height = 40});
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(part->pixels[20][45][3].item<float>(), 1);
  EXPECT_EQ(part->pixels[20][32][3].item<float>(), 0);
  EXPECT_THAT(
      matting->CutOut(RedOnWhite(), {.x = 90, .y = 0, .width = 9, .height = 9})
          .status()
          .message(),
      HasSubstr("outside"));
}

TEST(Matting, SaysThatItFindsNoObject) {
  const auto matting = Matting::Load(Plain(Network("red", kRedness)), at::kCPU);
  ASSERT_TRUE(matting.ok()) << matting.status();
  const absl::Status status = matting->CutOut(Grey(1)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_THAT(status.message(), HasSubstr("finds no object"));
}

TEST(Matting, RefusesWhatIsNoTorchScript) {
  EXPECT_TRUE(
      absl::IsNotFound(Matting::Load(Plain("no/such.pt"), at::kCPU).status()));
  EXPECT_TRUE(absl::IsNotFound(
      Matting::Load(Plain(testing::TempDir()), at::kCPU).status()));

  const std::string whole = *ReadFile(Network("red", kRedness));
  const std::string path = TestPath("broken");
  std::vector<std::string> broken = {"", "text", std::string(4096, '\0')};
  for (size_t length = 1; length < whole.size(); length += 97) {
    broken.push_back(whole.substr(0, length));
  }
  // Flipped bits in what is packed: names, code, weights, the directory.
  for (size_t at = 0; at < whole.size(); at += 53) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
    broken.push_back(flipped);
  }
  int refused = 0;
  for (const std::string& bytes : broken) {
    ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
    const auto alpha = AlphaOf(Plain(path), RedOnWhite());
    if (alpha.ok()) continue;  // a flipped bit of padding
    ++refused;
    EXPECT_TRUE(absl::IsInvalidArgument(alpha.status())) << alpha.status();
    EXPECT_THAT(alpha.status().message(), HasSubstr(path));
  }
  EXPECT_GT(refused, static_cast<int>(broken.size()) / 2);

  const std::vector<char> pickle = torch::jit::pickle_save(at::ones({3}));
  ASSERT_TRUE(
      WriteFileAtomically(path, std::string(pickle.begin(), pickle.end()))
          .ok());
  EXPECT_THAT(Failure(Plain(path)), HasSubstr("torch.jit.script"));
}

TEST(Matting, SaysWhatIsWrongWithWhatTheNetworkGives) {
  EXPECT_THAT(Failure(Plain(Network("three", "return x"))),
              HasSubstr("[1, 3, 64, 64]"));
  EXPECT_THAT(Failure(Plain(Network("number", "return 7"))),
              HasSubstr("gives no tensor"));
  EXPECT_THAT(Failure(Plain(Network("empty", "return x[:, :, 0:0]"))),
              HasSubstr("[1, 3, 0, 64]"));
  EXPECT_THAT(
      Failure(Plain(Network("nan", "return x[:, 0:1] / 0 - x[:, 0:1] / 0"))),
      HasSubstr("not finite"));
  const std::string raised =
      Failure(Plain(Network("raise",
                            "assert x.size(2) == 320, \"wants 320\"\n"
                            "  return x[:, 0:1]")));
  EXPECT_THAT(raised, HasSubstr("64 x 64 pixels (matting.size)"));
  EXPECT_THAT(raised, HasSubstr("wants 320"));
  EXPECT_THAT(Failure(Plain(Network("shapes", "return x + torch.zeros([7])"))),
              HasSubstr("must match"));
}

TEST(Matting, ChecksItsOptions) {
  MattingOptions options;
  EXPECT_TRUE(options.Validate().ok());
  EXPECT_FALSE(options.wanted());
  options.size = 8;
  EXPECT_THAT(options.Validate().message(), HasSubstr("size must be"));
  options = {.mean = {0.5}};
  EXPECT_THAT(options.Validate().message(), HasSubstr("mean must have three"));
  options = {.deviation = {1, 0, 1}};
  EXPECT_THAT(options.Validate().message(), HasSubstr("must be positive"));
}

}  // namespace
}  // namespace dg4d
