#include "dg4d/formats/scene_io.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>

#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "dg4d/base/status.h"

namespace dg4d {
namespace {

using Tensors = std::map<std::string, at::Tensor>;

at::Tensor Numbers(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

// Reads tensors of one slot; remembers the first thing that was wrong.
class Reader {
 public:
  Reader(const Tensors& tensors, std::string prefix)
      : tensors_(tensors), prefix_(std::move(prefix)) {}

  bool Has(absl::string_view name) const {
    return tensors_.count(absl::StrCat(prefix_, name)) > 0;
  }

  // The tensor `name` of `sizes`, where -1 stands for any size.
  at::Tensor Get(absl::string_view name, std::vector<int64_t> sizes) {
    const std::string full = absl::StrCat(prefix_, name);
    const auto found = tensors_.find(full);
    if (found == tensors_.end()) {
      Fail(absl::StrCat("'", full, "' is missing"));
      return at::empty({0});
    }
    const at::Tensor& tensor = found->second;
    bool fits = tensor.dim() == static_cast<int64_t>(sizes.size());
    for (size_t i = 0; fits && i < sizes.size(); ++i) {
      fits = sizes[i] < 0 || sizes[i] == tensor.size(i);
    }
    if (!fits) Fail(absl::StrCat("'", full, "' has the wrong shape"));
    return tensor;
  }
  at::Tensor GetIfPresent(absl::string_view name, std::vector<int64_t> sizes) {
    return Has(name) ? Get(name, std::move(sizes)) : at::Tensor();
  }
  std::vector<double> Numbers(absl::string_view name, int64_t count = -1) {
    const at::Tensor tensor = Get(name, {count});
    if (!status_.ok()) return std::vector<double>(std::max<int64_t>(count, 0));
    const at::Tensor wide = tensor.to(at::kDouble).contiguous();
    const double* data = wide.const_data_ptr<double>();
    return std::vector<double>(data, data + wide.numel());
  }

  void Fail(const std::string& what) {
    if (status_.ok()) status_ = absl::DataLossError(what);
  }
  const absl::Status& status() const { return status_; }

 private:
  const Tensors& tensors_;
  const std::string prefix_;
  absl::Status status_;
};

at::Tensor CameraToTensor(const Camera& camera) {
  std::vector<double> values(camera.world_from_camera.begin(),
                             camera.world_from_camera.end());
  values.insert(values.end(),
                {camera.fov_y, static_cast<double>(camera.width),
                 static_cast<double>(camera.height), camera.near, camera.far});
  return Numbers(values);
}

Camera CameraFromNumbers(const std::vector<double>& values) {
  Camera camera;
  std::copy_n(values.begin(), 16, camera.world_from_camera.begin());
  camera.fov_y = values[16];
  camera.width = static_cast<int>(values[17]);
  camera.height = static_cast<int>(values[18]);
  camera.near = values[19];
  camera.far = values[20];
  return camera;
}

void AddIfDefined(const std::string& name, const at::Tensor& tensor,
                  Tensors& out) {
  if (tensor.defined()) out[name] = tensor.detach().contiguous();
}

template <typename Member>
at::Tensor StackOf(const std::vector<Mesh>& meshes, Member member) {
  std::vector<at::Tensor> parts;
  for (const Mesh& mesh : meshes) {
    const at::Tensor& part = member(mesh);
    if (!part.defined()) return at::Tensor();
    parts.push_back(part.detach());
  }
  return at::stack(parts);
}

void AddTopology(const Mesh& mesh, const std::string& prefix, Tensors& out) {
  AddIfDefined(prefix + "triangles", mesh.triangles, out);
  AddIfDefined(prefix + "uvs", mesh.uvs, out);
  AddIfDefined(prefix + "uv_triangles", mesh.uv_triangles, out);
}

void ReadTopology(Reader& reader, const std::string& prefix, Mesh& mesh) {
  mesh.triangles = reader.Get(prefix + "triangles", {-1, 3});
  mesh.uvs = reader.GetIfPresent(prefix + "uvs", {-1, 2});
  mesh.uv_triangles = reader.GetIfPresent(prefix + "uv_triangles", {-1, 3});
}

void AddMeshes(const std::vector<Mesh>& meshes, const std::string& prefix,
               Tensors& out) {
  out[prefix + "count"] = Numbers({static_cast<double>(meshes.size())});
  if (HaveOneTopology(meshes)) {
    AddTopology(meshes.front(), prefix, out);
    AddIfDefined(prefix + "vertices",
                 StackOf(meshes, [](auto& mesh) { return mesh.vertices; }),
                 out);
    AddIfDefined(prefix + "normals",
                 StackOf(meshes, [](auto& mesh) { return mesh.normals; }), out);
    if (HaveOneTexture(meshes)) {
      AddIfDefined(prefix + "albedo", meshes.front().albedo.pixels, out);
      return;
    }
  }
  for (size_t i = 0; i < meshes.size(); ++i) {
    const std::string own = absl::StrFormat("%s%04d/", prefix, i);
    AddIfDefined(own + "albedo", meshes[i].albedo.pixels, out);
    if (out.count(prefix + "vertices")) continue;
    AddTopology(meshes[i], own, out);
    AddIfDefined(own + "vertices", meshes[i].vertices, out);
    AddIfDefined(own + "normals", meshes[i].normals, out);
  }
}

std::vector<Mesh> ReadMeshes(Reader& reader) {
  const auto count = static_cast<int64_t>(reader.Numbers("count", 1)[0]);
  if (!reader.status().ok()) return {};
  if (count < 0 || count > 1000000) {
    reader.Fail("the number of meshes makes no sense");
    return {};
  }
  const bool one_topology = reader.Has("vertices");
  Mesh shared;
  at::Tensor vertices, normals;
  if (one_topology) {
    ReadTopology(reader, "", shared);
    vertices = reader.Get("vertices", {count, -1, 3});
    normals = reader.GetIfPresent("normals", {count, -1, 3});
    shared.albedo.pixels = reader.GetIfPresent("albedo", {-1, -1, -1});
  }
  std::vector<Mesh> meshes(count, shared);
  for (int64_t i = 0; i < count && reader.status().ok(); ++i) {
    const std::string own = absl::StrFormat("%04d/", i);
    if (one_topology) {
      meshes[i].vertices = vertices[i];
      if (normals.defined()) meshes[i].normals = normals[i];
    } else {
      ReadTopology(reader, own, meshes[i]);
      meshes[i].vertices = reader.Get(own + "vertices", {-1, 3});
      meshes[i].normals = reader.GetIfPresent(own + "normals", {-1, 3});
    }
    if (reader.Has(own + "albedo")) {
      meshes[i].albedo.pixels = reader.Get(own + "albedo", {-1, -1, -1});
    }
  }
  return meshes;
}

Video ReadVideoSlot(Reader& reader) {
  Video video;
  video.fps = reader.Numbers("fps", 1)[0];
  const at::Tensor frames = reader.Get("frames", {-1, -1, -1, -1});
  if (!reader.status().ok()) return video;
  for (int64_t i = 0; i < frames.size(0); ++i) {
    video.frames.push_back({frames[i]});
  }
  return video;
}

void AddVideo(const Video& video, Tensors& out) {
  std::vector<at::Tensor> frames;
  for (const Image& frame : video.frames) frames.push_back(frame.pixels);
  if (!frames.empty()) out["video/frames"] = at::stack(frames);
  out["video/fps"] = Numbers({video.fps});
}

// `times` is [] for Gaussians and [T] for frames.
template <typename G>
void AddGaussians(const G& gaussians, const std::string& prefix, Tensors& out) {
  AddIfDefined(prefix + "means", gaussians.means, out);
  AddIfDefined(prefix + "quaternions", gaussians.quaternions, out);
  AddIfDefined(prefix + "log_scales", gaussians.log_scales, out);
  AddIfDefined(prefix + "opacity_logits", gaussians.opacity_logits, out);
}

Gaussians ReadGaussians(Reader& reader) {
  Gaussians gaussians;
  gaussians.means = reader.Get("means", {-1, 3});
  const int64_t count = reader.status().ok() ? gaussians.means.size(0) : 0;
  gaussians.quaternions = reader.Get("quaternions", {count, 4});
  gaussians.log_scales = reader.Get("log_scales", {count, 3});
  gaussians.opacity_logits = reader.Get("opacity_logits", {count, 1});
  gaussians.sh = reader.Get("sh", {count, -1, 3});
  return gaussians;
}

GaussianFrames ReadGaussianFrames(Reader& reader) {
  GaussianFrames frames;
  frames.times = reader.Numbers("times");
  frames.means =
      reader.Get("means", {static_cast<int64_t>(frames.times.size()), -1, 3});
  const int64_t times = frames.times.size();
  const int64_t count = reader.status().ok() ? frames.means.size(1) : 0;
  frames.quaternions = reader.Get("quaternions", {times, count, 4});
  frames.log_scales = reader.Get("log_scales", {times, count, 3});
  frames.opacity_logits = reader.Get("opacity_logits", {times, count, 1});
  return frames;
}

}  // namespace

Tensors SlotToTensors(const Scene& scene, Slot slot) {
  Tensors out;
  const std::string prefix = SlotName(slot) + "/";
  switch (slot) {
    case Slot::kReference:
      AddIfDefined(prefix + "pixels", scene.reference.pixels, out);
      out[prefix + "camera"] = CameraToTensor(scene.reference_camera);
      break;
    case Slot::kVideo:
      AddVideo(scene.video, out);
      break;
    case Slot::kProxy:
      AddMeshes(scene.proxy, prefix, out);
      break;
    case Slot::kGaussians:
      AddGaussians(scene.gaussians, prefix, out);
      AddIfDefined(prefix + "sh", scene.gaussians.sh, out);
      break;
    case Slot::kGaussianFrames:
      AddGaussians(scene.gaussian_frames, prefix, out);
      out[prefix + "times"] = Numbers(scene.gaussian_frames.times);
      break;
    case Slot::kMeshes:
      AddMeshes(scene.meshes, prefix, out);
      break;
  }
  return out;
}

absl::Status SlotFromTensors(const Tensors& tensors, Slot slot, Scene& scene) {
  Reader reader(tensors, SlotName(slot) + "/");
  Scene read;
  switch (slot) {
    case Slot::kReference:
      read.reference.pixels = reader.Get("pixels", {-1, -1, -1});
      read.reference_camera = CameraFromNumbers(reader.Numbers("camera", 21));
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.reference = read.reference;
      scene.reference_camera = read.reference_camera;
      break;
    case Slot::kVideo:
      read.video = ReadVideoSlot(reader);
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.video = std::move(read.video);
      break;
    case Slot::kProxy:
      read.proxy = ReadMeshes(reader);
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.proxy = std::move(read.proxy);
      break;
    case Slot::kGaussians:
      read.gaussians = ReadGaussians(reader);
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.gaussians = std::move(read.gaussians);
      break;
    case Slot::kGaussianFrames:
      read.gaussian_frames = ReadGaussianFrames(reader);
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.gaussian_frames = std::move(read.gaussian_frames);
      break;
    case Slot::kMeshes:
      read.meshes = ReadMeshes(reader);
      DG4D_RETURN_IF_ERROR(reader.status());
      scene.meshes = std::move(read.meshes);
      break;
  }
  return absl::OkStatus();
}

}  // namespace dg4d
