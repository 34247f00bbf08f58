#include "dg4d/formats/gltf_splats_io.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "dg4d/formats/glb_builder.h"
#include "gtest/gtest.h"

namespace dg4d {
namespace {

using Json = nlohmann::json;

// Numbers that are all different, so that none can stand in another's place.
Gaussians SomeGaussians(int count, int coefficients, double phase = 0) {
  const auto numbers = [phase](std::vector<int64_t> sizes, double step) {
    int64_t size = 1;
    for (const int64_t s : sizes) size *= s;
    return ((at::arange(size).to(at::kFloat) + 1) * step + phase)
        .sin()
        .view(sizes);
  };
  return {.means = numbers({count, 3}, 0.7) * 3,
          .quaternions = numbers({count, 4}, 0.9) * 2,
          .log_scales = numbers({count, 3}, 1.1) * 3 - 4,
          .opacity_logits = numbers({count, 1}, 1.3) * 4,
          .sh = numbers({count, coefficients, 3}, 1.7)};
}

std::string Encode(const GltfSplats& splats) {
  const auto bytes = EncodeGltfSplats(splats, "some");
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

// Takes a file apart and puts it together again.
struct Parts {
  Json json;
  std::string binary;

  explicit Parts(const std::string& glb) {
    uint32_t size;
    std::memcpy(&size, &glb[12], 4);
    json = Json::parse(glb.substr(20, size));
    binary = glb.substr(20 + size);  // with its chunk's header
  }
  std::string Glb() const {
    std::string text = json.dump();
    text.append(3 - (text.size() + 3) % 4, ' ');
    const uint32_t numbers[] = {
        2, static_cast<uint32_t>(20 + text.size() + binary.size()),
        static_cast<uint32_t>(text.size())};
    std::string glb = "glTF";
    glb.append(reinterpret_cast<const char*>(numbers), sizeof(numbers));
    return glb + "JSON" + text + binary;
  }
};

at::Tensor Unit(const at::Tensor& quaternions) {
  return quaternions / quaternions.norm(2, 1, true);
}

void ExpectSame(const Gaussians& read, const Gaussians& written) {
  EXPECT_TRUE(at::equal(read.means, written.means));
  EXPECT_TRUE(
      at::allclose(read.quaternions, Unit(written.quaternions), 0, 1e-6));
  EXPECT_TRUE(at::allclose(read.log_scales, written.log_scales, 0, 2e-6));
  EXPECT_TRUE(
      at::allclose(read.opacity_logits, written.opacity_logits, 0, 1e-5));
  EXPECT_TRUE(at::equal(read.sh, written.sh));
}

void ExpectRefused(const std::string& glb, const std::string& why) {
  const auto read = DecodeGltfSplats(glb, "some.glb");
  ASSERT_FALSE(read.ok()) << why;
  EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(read.status().message(), "some.glb cannot be"))
      << read.status();
  EXPECT_TRUE(absl::StrContains(read.status().message(), why)) << read.status();
}

TEST(GltfSplats, ReadBackEqualForEveryDegree) {
  for (const int coefficients : {1, 4, 9, 16}) {
    const Gaussians written = SomeGaussians(20, coefficients);
    const auto read = DecodeGltfSplats(Encode({.frames = {written}}), "a.glb");
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->frames.size(), 1u);
    ExpectSame(read->frames[0], written);
  }
}

TEST(GltfSplats, ReadBackASequenceInItsOrderAndRate) {
  GltfSplats written = {.fps = 8};
  for (int frame = 0; frame < 5; ++frame) {
    written.frames.push_back(SomeGaussians(20, 4, 0.1 * frame));
  }
  const auto read = DecodeGltfSplats(Encode(written), "a.glb");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_NEAR(read->fps, 8, 1e-5);
  ASSERT_EQ(read->frames.size(), 5u);
  for (int frame = 0; frame < 5; ++frame) {
    ExpectSame(read->frames[frame], written.frames[frame]);
  }
}

TEST(GltfSplats, HaveTheLayoutOfTheExtension) {
  const Parts parts(Encode({.frames = {SomeGaussians(3, 4)}}));
  EXPECT_EQ(parts.json["extensionsUsed"], Json({"KHR_gaussian_splatting"}));
  EXPECT_FALSE(parts.json.contains("extensionsRequired"));
  const Json& primitive = parts.json["meshes"][0]["primitives"][0];
  EXPECT_EQ(primitive["mode"], 0);
  const Json& extension = primitive["extensions"]["KHR_gaussian_splatting"];
  EXPECT_EQ(extension["kernel"], "ellipse");
  EXPECT_EQ(extension["colorSpace"], "srgb_rec709_display");
  const auto type = [&](const std::string& attribute) {
    const int index = primitive["attributes"].at(attribute);
    return parts.json["accessors"][index]["type"].get<std::string>();
  };
  const std::string prefix = "KHR_gaussian_splatting:";
  EXPECT_EQ(type("POSITION"), "VEC3");
  EXPECT_EQ(type("COLOR_0"), "VEC4");
  EXPECT_EQ(type(prefix + "ROTATION"), "VEC4");
  EXPECT_EQ(type(prefix + "SCALE"), "VEC3");
  EXPECT_EQ(type(prefix + "OPACITY"), "SCALAR");
  EXPECT_EQ(type(prefix + "SH_DEGREE_0_COEF_0"), "VEC3");
  EXPECT_EQ(type(prefix + "SH_DEGREE_1_COEF_2"), "VEC3");
  EXPECT_EQ(primitive["attributes"].size(), 9u);
}

TEST(GltfSplats, ShowProgramsThatDoNotKnowThemLinearColours) {
  Gaussians one = SomeGaussians(1, 1);
  one.sh = at::tensor({0.0f, 10.0f, -10.0f}).view({1, 1, 3});
  one.opacity_logits.zero_();
  const Parts parts(Encode({.frames = {one}}));
  const Json& attributes =
      parts.json["meshes"][0]["primitives"][0]["attributes"];
  const Json& accessor =
      parts.json["accessors"][attributes["COLOR_0"].get<int>()];
  EXPECT_EQ(accessor["normalized"], true);
  EXPECT_EQ(accessor["componentType"], 5123);
  const Json& view =
      parts.json["bufferViews"][accessor["bufferView"].get<int>()];
  uint16_t rgba[4];
  std::memcpy(rgba, &parts.binary[8 + view["byteOffset"].get<size_t>()], 8);
  EXPECT_NEAR(rgba[0] / 65535.0, 0.214041, 1e-5);  // sRGB one half
  EXPECT_EQ(rgba[1], 65535);
  EXPECT_EQ(rgba[2], 0);
  EXPECT_EQ(rgba[3], 32768);
}

TEST(GltfSplats, StoreOnceWhatFramesHaveInCommon) {
  GltfSplats splats = {.fps = 4};
  for (int frame = 0; frame < 3; ++frame) {
    splats.frames.push_back(SomeGaussians(500, 16));
    splats.frames.back().means = splats.frames.back().means + 0.5 * frame;
  }
  const size_t one = Encode({.frames = {splats.frames[0]}}).size();
  // Two more frames of positions, 12 bytes each, and some JSON.
  EXPECT_LT(Encode(splats).size(), one + 2 * 500 * 12 + 8000);
}

TEST(GltfSplats, AreMovedTurnedAndScaledByTheirNodes) {
  Parts parts(Encode({.frames = {SomeGaussians(1, 1)}}));
  Gaussians written = SomeGaussians(1, 1);
  const double half = std::sqrt(0.5);
  // A quarter turn about z takes x to y; the parent doubles and moves.
  parts.json["nodes"][0]["rotation"] = {0, 0, half, half};
  parts.json["nodes"].push_back(
      {{"children", {0}}, {"scale", {2, 2, 2}}, {"translation", {10, 20, 30}}});
  parts.json["scenes"][0]["nodes"] = {1};
  const auto read = DecodeGltfSplats(parts.Glb(), "a.glb");
  ASSERT_TRUE(read.ok()) << read.status();
  const Gaussians& turned = read->frames[0];
  const at::Tensor p = written.means[0], q = Unit(written.quaternions)[0];
  const auto value = [](const at::Tensor& t, int i) {
    return t[i].item<double>();
  };
  const double places[] = {10 - 2 * value(p, 1), 20 + 2 * value(p, 0),
                           30 + 2 * value(p, 2)};
  // (half + half k) q
  const double turn[] = {
      half * (value(q, 0) - value(q, 3)), half * (value(q, 1) - value(q, 2)),
      half * (value(q, 2) + value(q, 1)), half * (value(q, 3) + value(q, 0))};
  for (int c = 0; c < 3; ++c) {
    EXPECT_NEAR(value(turned.means[0], c), places[c], 1e-5);
    EXPECT_NEAR(value(turned.log_scales[0], c),
                value(written.log_scales[0], c) + std::log(2), 1e-5);
  }
  for (int c = 0; c < 4; ++c) {
    EXPECT_NEAR(value(turned.quaternions[0], c), turn[c], 1e-6);
  }
}

TEST(GltfSplats, AreReadTogetherFromSeveralNodes) {
  GltfSplats written = {.fps = 8};
  for (int frame = 0; frame < 3; ++frame) {
    written.frames.push_back(SomeGaussians(10 + frame, 1, frame));
  }
  Parts parts(Encode(written));
  parts.json.erase("animations");
  for (Json& node : parts.json["nodes"]) node.erase("scale");
  const auto read = DecodeGltfSplats(parts.Glb(), "a.glb");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->frames.size(), 1u);
  EXPECT_EQ(read->frames[0].size(), 33);
}

// A motion of the scene around them, and none of theirs.
TEST(GltfSplats, AreMovedByAnimationsOfTheirNodesAlone) {
  GlbBuilder glb;
  const int times = glb.AddAnimationFloats({0, 0.5, 1}, 1);
  const int moves = glb.AddAnimationFloats({0, 0, 0, 1, 0, 0, 5, 0, 0}, 3);
  Parts motion(*glb.Finish(Json::object()));
  Parts parts(Encode({.frames = {SomeGaussians(3, 4)}}));
  // Both binary halves, the second's views behind the first's.
  const size_t offset = parts.binary.size() - 8;
  parts.binary += motion.binary.substr(8);
  const uint32_t size = parts.binary.size() - 8;
  std::memcpy(parts.binary.data(), &size, 4);
  parts.json["buffers"][0]["byteLength"] = size;
  const size_t views = parts.json["bufferViews"].size();
  const size_t accessors = parts.json["accessors"].size();
  for (Json view : motion.json["bufferViews"]) {
    view["byteOffset"] = view.value("byteOffset", size_t{0}) + offset;
    parts.json["bufferViews"].push_back(view);
  }
  for (Json accessor : motion.json["accessors"]) {
    accessor["bufferView"] = accessor["bufferView"].get<size_t>() + views;
    parts.json["accessors"].push_back(accessor);
  }
  parts.json["nodes"].push_back({{"name", "other"}});
  parts.json["scenes"][0]["nodes"].push_back(1);
  parts.json["animations"] = {
      {{"samplers",
        {{{"input", times + accessors}, {"output", moves + accessors}}}},
       {"channels",
        {{{"sampler", 0},
          {"target", {{"node", 1}, {"path", "translation"}}}}}}}};
  auto read = DecodeGltfSplats(parts.Glb(), "a.glb");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->frames.size(), 1u);
  EXPECT_EQ(read->fps, 0);
  parts.json["animations"][0]["channels"][0]["target"]["node"] = 0;
  read = DecodeGltfSplats(parts.Glb(), "a.glb");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->frames.size(), 3u);
  EXPECT_EQ(read->fps, 2);
  const at::Tensor moved = read->frames[2].means - read->frames[0].means;
  EXPECT_TRUE(at::allclose(moved, at::tensor({5.0f, 0.0f, 0.0f}), 0, 1e-5));
  read = DecodeGltfSplats(parts.Glb(), "a.glb", 4);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->frames.size(), 5u);
  EXPECT_EQ(read->fps, 4);
  const at::Tensor half = read->frames[1].means - read->frames[0].means;
  EXPECT_TRUE(at::allclose(half, at::tensor({0.5f, 0.0f, 0.0f}), 0, 1e-5));
}

TEST(GltfSplats, RefuseWhatTheyCannotSay) {
  const Gaussians good = SomeGaussians(5, 1);
  EXPECT_FALSE(EncodeGltfSplats({}, "a").ok());
  EXPECT_FALSE(EncodeGltfSplats({.frames = {good, good}}, "a").ok());
  Gaussians huge = SomeGaussians(5, 1);
  huge.log_scales[3][0] = 100.0f;
  const auto bytes = EncodeGltfSplats({.frames = {huge}}, "a");
  EXPECT_TRUE(absl::StrContains(bytes.status().message(), "Gaussian 3"))
      << bytes.status();
}

TEST(GltfSplats, RefuseFilesThatAreCutOff) {
  const std::string glb = Encode({.frames = {SomeGaussians(5, 4)}});
  for (size_t size = 0; size < glb.size(); size += 5) {
    ExpectRefused(glb.substr(0, size), "");
  }
}

TEST(GltfSplats, RefuseFilesThatContradictThemselves) {
  const Parts good(Encode({.frames = {SomeGaussians(5, 4)}}));
  const auto changed = [&good](auto change) {
    Parts parts = good;
    Json& primitive = parts.json["meshes"][0]["primitives"][0];
    change(parts.json, primitive);
    return parts.Glb();
  };
  const std::string prefix = "KHR_gaussian_splatting:";
  const auto extension = [](Json& primitive) -> Json& {
    return primitive["extensions"]["KHR_gaussian_splatting"];
  };
  ExpectRefused(changed([](Json&, Json& p) { p.erase("extensions"); }),
                "no Gaussians");
  ExpectRefused(
      changed([&](Json&, Json& p) { extension(p)["kernel"] = "box"; }),
      "kernel 'box'");
  ExpectRefused(changed([&](Json&, Json& p) {
                  extension(p)["colorSpace"] = "lin_rec709_display";
                }),
                "colorSpace 'lin_rec709_display'");
  ExpectRefused(
      changed([&](Json&, Json& p) { p["attributes"].erase(prefix + "SCALE"); }),
      "have no KHR_gaussian_splatting:SCALE");
  ExpectRefused(changed([&](Json&, Json& p) {
                  p["attributes"].erase(prefix + "SH_DEGREE_1_COEF_2");
                }),
                "SH_DEGREE_1_COEF_2");
  ExpectRefused(
      changed([](Json& j, Json& p) {
        j["accessors"][p["attributes"]["POSITION"].get<int>()]["count"] = 4;
      }),
      "as many");
  ExpectRefused(
      changed([](Json& j, Json&) { j["nodes"][0]["children"] = {0}; }),
      "in the scene twice");
  ExpectRefused(changed([](Json& j, Json&) {
                  j["nodes"][0]["scale"] = {1, 2, 1};
                }),
                "unevenly");
  ExpectRefused(changed([](Json& j, Json&) {
                  j["nodes"][0]["scale"] = {-1, 1, 1};
                }),
                "mirrors");
  ExpectRefused(changed([](Json& j, Json&) {
                  j["nodes"][0]["rotation"] = {0, 0, 1, 0};
                }),
                "turns Gaussians that have harmonics");
  ExpectRefused(
      changed([](Json& j, Json&) { j["nodes"][0]["rotation"] = "left"; }),
      "transform that is none");
  ExpectRefused(changed([](Json& j, Json&) { j["scene"] = 7; }), "no scene");
}

TEST(GltfSplats, RefuseNodesThatRepeatAMeshWithoutEnd) {
  Parts parts(Encode({.frames = {SomeGaussians(1000, 16)}}));
  for (int i = 1; i < 2000; ++i) {
    parts.json["nodes"].push_back({{"mesh", 0}});
    parts.json["scenes"][0]["nodes"].push_back(i);
  }
  ExpectRefused(parts.Glb(), "too often");
}

}  // namespace
}  // namespace dg4d
