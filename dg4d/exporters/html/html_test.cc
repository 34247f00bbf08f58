#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dg4d/base/files.h"
#include "dg4d/core/exporter.h"
#include "dg4d/formats/image_io.h"
#include "dg4d/testing/sample_scenes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

std::string Inflate(const std::string& deflated) {
  std::string bytes(64 << 20, '\0');
  uLongf size = bytes.size();
  EXPECT_EQ(uncompress(reinterpret_cast<Bytef*>(bytes.data()), &size,
                       reinterpret_cast<const Bytef*>(deflated.data()),
                       deflated.size()),
            Z_OK);
  bytes.resize(size);
  return bytes;
}

// A page, taken apart as the player in it does.
class Page {
 public:
  explicit Page(std::string text) : text_(std::move(text)) {
    header_ = Json::parse(Between("id=\"header\">", "</script>"));
    std::string deflated;
    EXPECT_TRUE(absl::Base64Unescape(Between("id=\"payload\">", "</script>"),
                                     &deflated));
    bytes_ = Inflate(deflated);
  }

  const std::string& text() const { return text_; }
  const Json& header() const { return header_; }

  std::string Between(const std::string& begin, const std::string& end) const {
    const size_t at = text_.find(begin);
    EXPECT_NE(at, std::string::npos) << begin;
    const size_t from = at + begin.size();
    return text_.substr(from, text_.find(end, from) - from);
  }

  // The numbers of an array, [rows, count, components].
  std::vector<uint32_t> Numbers(const Json& place) const {
    const Json& array = header_["arrays"][place["array"].get<int>()];
    const int64_t rows = array["rows"], count = array["count"];
    const int components = array["components"], size = array["bytes"];
    const int64_t plane = rows * count;
    std::vector<uint32_t> values(plane * components);
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < count; ++i) {
        for (int c = 0; c < components; ++c) {
          uint32_t zigzag = 0;
          for (int byte = 0; byte < size; ++byte) {
            const size_t at = array["offset"].get<size_t>() +
                              (c * size + byte) * plane + row * count + i;
            zigzag |=
                static_cast<uint32_t>(static_cast<unsigned char>(bytes_.at(at)))
                << (8 * byte);
          }
          const uint32_t difference = zigzag >> 1 ^ (0 - (zigzag & 1));
          const int64_t at = (row * count + i) * components + c;
          const uint32_t before = row > 0 ? values[at - count * components]
                                  : i > 0 ? values[at - components]
                                          : 0;
          values[at] = (difference + before) &
                       static_cast<uint32_t>((uint64_t{1} << 8 * size) - 1);
        }
      }
    }
    return values;
  }

  // The real numbers of an array, whose last size is `components`.
  std::vector<double> Values(const Json& place, int components) const {
    std::vector<double> values;
    for (const uint32_t number : Numbers(place)) {
      const size_t c = values.size() % components;
      const auto at = [&](const char* key) {
        const Json& list = place[key];
        if (!list.is_array()) return list.get<double>();
        return list[list.size() == 1 ? 0 : c].get<double>();
      };
      values.push_back(at("low") + at("step") * number);
    }
    return values;
  }

 private:
  std::string text_;
  Json header_;
  std::string bytes_;
};

double LargestStep(const Json& place) {
  double largest = 0;
  for (const Json& step : place["step"]) {
    largest = std::max(largest, step.get<double>());
  }
  return largest;
}

// Half a step, and the rounding of floats of magnitude 10.
void ExpectNear(const std::vector<double>& values, const at::Tensor& tensor,
                double step) {
  const at::Tensor expected = tensor.contiguous();
  ASSERT_EQ(static_cast<int64_t>(values.size()), expected.numel());
  const float* wanted = expected.data_ptr<float>();
  double worst = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    worst = std::max(worst, std::abs(values[i] - wanted[i]));
  }
  EXPECT_LE(worst, step / 2 + 1e-6);
}

class HtmlExporterTest : public testing::Test {
 protected:
  absl::Status Export(const Scene& scene, const ConfigNode& options = {}) {
    RunContext context;
    return Registry<Exporter>::Create("html", options)
        .value()
        ->Export(scene, path_, context);
  }
  Page ExportedPage(const Scene& scene, const ConfigNode& options = {}) {
    const absl::Status status = Export(scene, options);
    EXPECT_TRUE(status.ok()) << status;
    return Page(ReadFile(path_).value());
  }

  const std::string path_ = testing::TempDir() + "/html_exporter_test.html";
};

TEST_F(HtmlExporterTest, HoldsTheGaussiansWithinHalfAStep) {
  const Scene scene = MovingScene(3);
  const Page page = ExportedPage(scene);
  const Json& part = page.header()["gaussians"];
  const GaussianFrames& frames = scene.gaussian_frames;
  EXPECT_EQ(part["count"], scene.gaussians.size());
  EXPECT_EQ(part["frames"], 3);
  EXPECT_EQ(part["sh_degree"], 1);

  // 16 bits of what the values span.
  EXPECT_LE(LargestStep(part["means"]), 1.5 / 65535);
  ExpectNear(page.Values(part["means"], 3), frames.means,
             LargestStep(part["means"]));
  EXPECT_LE(LargestStep(part["log_scales"]), 1.0 / 256);
  ExpectNear(page.Values(part["log_scales"], 3), frames.log_scales,
             LargestStep(part["log_scales"]));
  EXPECT_LE(LargestStep(part["sh"]), 2.0 / 65535);
  ExpectNear(page.Values(part["sh"], 12), scene.gaussians.sh,
             LargestStep(part["sh"]));

  std::vector<double> opacities;
  for (const uint32_t number : page.Numbers(part["opacities"])) {
    opacities.push_back(number / 255.0);
  }
  ExpectNear(opacities, frames.opacity_logits.sigmoid(), 1.0 / 255);
}

TEST_F(HtmlExporterTest, HoldsUnitQuaternionsThatDoNotJump) {
  Scene scene = MovingScene(3);
  // The same rotation, said differently.
  scene.gaussian_frames.quaternions = scene.gaussian_frames.quaternions.clone();
  scene.gaussian_frames.quaternions[1].mul_(-3);
  const Page page = ExportedPage(scene);
  const auto values = page.Values(page.header()["gaussians"]["quaternions"], 4);
  const at::Tensor wanted = scene.gaussian_frames.quaternions.contiguous();
  const float* q = wanted.data_ptr<float>();
  const size_t row = 4 * scene.gaussians.size();
  ASSERT_EQ(values.size(), 3 * row);
  for (size_t i = 0; i < values.size(); i += 4) {
    double length = 0, along = 0, before = 0;
    for (int c = 0; c < 4; ++c) {
      length += double{q[i + c]} * q[i + c];
      along += q[i + c] * values[i + c];
      if (i >= row) before += values[i - row + c] * values[i + c];
    }
    // Components are off by half a step, so the vector by a whole one at most.
    EXPECT_GE(std::abs(along) / std::sqrt(length), 1 - 1.0 / 2047);
    EXPECT_GE(before, 0);
  }
}

TEST_F(HtmlExporterTest, HidesGaussiansThatAreNotFinite) {
  Scene scene = StaticScene();
  for (at::Tensor* tensor : {&scene.gaussians.means, &scene.gaussians.sh,
                             &scene.gaussians.log_scales}) {
    *tensor = tensor->clone();
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  scene.gaussians.means[3].fill_(nan);
  scene.gaussians.sh[4].fill_(nan);
  scene.gaussians.log_scales[5].fill_(std::numeric_limits<float>::infinity());
  const Page page = ExportedPage(scene);
  const Json& part = page.header()["gaussians"];
  const auto opacities = page.Numbers(part["opacities"]);
  for (const int i : {3, 4, 5}) EXPECT_EQ(opacities[i], 0u) << i;
  EXPECT_GT(opacities[6], 0u);
  EXPECT_LE(LargestStep(part["means"]), 1.0 / 65535);
  EXPECT_FALSE(absl::StrContains(page.header().dump(), "null"));
}

TEST_F(HtmlExporterTest, HoldsAMovingMeshOnceWithAllItsPlaces) {
  const Scene scene = MovingScene(4);
  const Page page = ExportedPage(scene);
  const Json& parts = page.header()["meshes"];
  ASSERT_EQ(parts.size(), 1u);
  const Json& part = parts[0];
  EXPECT_EQ(part["frames"], 4);
  const auto places = page.Values(part["vertices"], 3);
  const size_t row = 3 * scene.meshes[0].vertex_count();
  ASSERT_EQ(places.size(), 4 * row);
  for (int frame = 0; frame < 4; ++frame) {
    ExpectNear(
        {places.begin() + frame * row, places.begin() + (frame + 1) * row},
        scene.meshes[frame].vertices, LargestStep(part["vertices"]));
  }
  ExpectNear(page.Values(part["uvs"], 2), scene.meshes[0].uvs,
             LargestStep(part["uvs"]));
  const at::Tensor triangles = scene.meshes[0].triangles.contiguous();
  const int32_t* index = triangles.data_ptr<int32_t>();
  EXPECT_EQ(page.Numbers(part["triangles"]),
            std::vector<uint32_t>(index, index + triangles.numel()));
  EXPECT_EQ(page.header()["textures"].size(), 1u);
}

TEST_F(HtmlExporterTest, HoldsAMeshAFrameWhereTopologyChanges) {
  const Scene scene = ChangingScene(4);
  ConfigNode options;
  options["texture"] = ConfigNode::Scalar("png");
  const Page page = ExportedPage(scene, options);
  const Json& parts = page.header()["meshes"];
  ASSERT_EQ(parts.size(), 4u);
  for (int frame = 0; frame < 4; ++frame) {
    const Json& part = parts[frame];
    EXPECT_EQ(part["first_frame"], frame);
    ExpectNear(page.Values(part["vertices"], 3), scene.meshes[frame].vertices,
               LargestStep(part["vertices"]));
    const std::string url =
        page.header()["textures"][part["texture"].get<int>()];
    const std::string prefix = "data:image/png;base64,";
    ASSERT_TRUE(absl::StartsWith(url, prefix));
    std::string png;
    ASSERT_TRUE(absl::Base64Unescape(url.substr(prefix.size()), &png));
    const auto texture = DecodeImage(png, "texture");
    ASSERT_TRUE(texture.ok()) << texture.status();
    EXPECT_LE((texture->pixels - scene.meshes[frame].albedo.pixels)
                  .abs()
                  .max()
                  .item<double>(),
              0.5 / 255 + 1e-6);
  }
}

TEST_F(HtmlExporterTest, IsOneWellFormedPageThatAsksNoNetwork) {
  ConfigNode options;
  options["title"] = ConfigNode::Scalar("<script>\"cats\" & dogs");
  const Page page = ExportedPage(MovingScene(), options);
  const std::string& text = page.text();
  EXPECT_TRUE(absl::StartsWith(text, "<!DOCTYPE html>"));
  EXPECT_THAT(text, HasSubstr("<title>&lt;script&gt;&quot;cats&quot; &amp; "
                              "dogs</title>"));
  EXPECT_THAT(text, HasSubstr("default-src 'none'"));
  EXPECT_FALSE(absl::StrContains(text, "{{"));
  // No scheme, no host, no import: everything is inside.
  EXPECT_FALSE(std::regex_search(
      text, std::regex("https?:|//[a-z0-9-]+\\.[a-z]|@import|\\burl\\(|"
                       "\\bfetch\\(|XMLHttpRequest|WebSocket")));
  const std::regex source("(?:src|href)=\"([^\"]{0,5})");
  for (std::sregex_iterator match(text.begin(), text.end(), source), end;
       match != end; ++match) {
    EXPECT_EQ((*match)[1], "data:");
  }
  // Tags close, and nothing closes a script early.
  for (const std::string tag : {"script", "style", "main", "details", "footer",
                                "fieldset", "label", "button", "body"}) {
    const auto count = [&](const std::string& pattern) {
      const std::regex regex(pattern);
      return std::distance(
          std::sregex_iterator(text.begin(), text.end(), regex),
          std::sregex_iterator());
    };
    EXPECT_EQ(count(absl::StrCat("<", tag, "[ >]")),
              count(absl::StrCat("</", tag, ">")))
        << tag;
  }
}

TEST_F(HtmlExporterTest, CarriesWhatIsKnownOfWhereItComesFrom) {
  Scene scene = StaticScene();
  const Page page = ExportedPage(scene);
  EXPECT_EQ(Json::parse(page.Between("id=\"provenance\">", "</script>")),
            ProvenanceJson(scene.provenance));
  scene.provenance = {};
  EXPECT_EQ(ExportedPage(scene).Between("id=\"provenance\">", "</script>"),
            "{}");
}

TEST_F(HtmlExporterTest, LeavesOutWhatOptionsLeaveOut) {
  ConfigNode options;
  options["meshes"] = ConfigNode::Scalar("false");
  options["poster"] = ConfigNode::Scalar("false");
  options["loop"] = ConfigNode::Scalar("false");
  const Page page = ExportedPage(MovingScene(), options);
  EXPECT_FALSE(page.header().contains("meshes"));
  EXPECT_FALSE(page.header().contains("textures"));
  EXPECT_FALSE(page.header()["loop"].get<bool>());
  EXPECT_FALSE(absl::StrContains(page.text(), "<img"));
}

TEST_F(HtmlExporterTest, ShowsASceneOfMeshesAlone) {
  Scene scene = MovingScene();
  scene.gaussians = Gaussians();
  scene.gaussian_frames = GaussianFrames();
  const Page page = ExportedPage(scene);
  EXPECT_FALSE(page.header().contains("gaussians"));
  EXPECT_EQ(page.header()["meshes"].size(), 1u);
}

TEST_F(HtmlExporterTest, RefusesASceneWithNothingToShow) {
  Scene scene = MovingScene();
  ConfigNode options;
  options["gaussians"] = ConfigNode::Scalar("false");
  scene.meshes.clear();
  EXPECT_EQ(Export(scene, options).code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(HtmlExporterTest, RefusesFramesOfOtherGaussians) {
  Scene scene = MovingScene();
  scene.gaussian_frames.means = scene.gaussian_frames.means.narrow(1, 0, 9);
  EXPECT_EQ(Export(scene).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(HtmlExporterTest, RefusesMoreFramesThanTexturesHaveLayers) {
  const absl::Status status = Export(MovingScene(257));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("at most 256"));
}

// Noise, which nothing compresses: 21 bytes a Gaussian and frame, and a third
// more as base64.
TEST_F(HtmlExporterTest, StaysBelowTenMegabytesFor20000GaussiansIn14Frames) {
  constexpr int kCount = 20000, kFrames = 14;
  const auto noise = [](at::IntArrayRef sizes, double seed) {
    int64_t count = 1;
    for (const int64_t size : sizes) count *= size;
    const at::Tensor x = (at::arange(count).to(at::kDouble) + 1) * seed;
    return (x.sin() * 43758.5453).frac().to(at::kFloat).view(sizes);
  };
  Scene scene = StaticScene();
  scene.meshes.clear();
  scene.gaussians.means = noise({kCount, 3}, 12.9898);
  scene.gaussians.sh = noise({kCount, 1, 3}, 78.233);
  GaussianFrames& frames = scene.gaussian_frames;
  frames.means = noise({kFrames, kCount, 3}, 39.346);
  frames.quaternions = noise({kFrames, kCount, 4}, 11.135);
  frames.log_scales = noise({kFrames, kCount, 3}, 83.155);
  frames.opacity_logits = noise({kFrames, kCount, 1}, 96.234);
  for (int t = 0; t < kFrames; ++t) frames.times.push_back(t);
  ASSERT_TRUE(Export(scene).ok());
  EXPECT_LT(ReadFile(path_)->size(), 10'000'000u);
}

}  // namespace
}  // namespace dg4d
