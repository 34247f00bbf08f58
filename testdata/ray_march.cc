#include "testdata/ray_march.h"

#include <ATen/ops/empty.h>

#include <cstdint>

#include "dg4d/base/parallel.h"

namespace dg4d::pictures {
namespace {

constexpr float kDegrees = 3.14159265f / 180;
constexpr float kFar = 6;

float Hash(int x, int y, int z) {
  uint32_t h = static_cast<uint32_t>(x) * 0x8DA6B343u ^
               static_cast<uint32_t>(y) * 0xD8163841u ^
               static_cast<uint32_t>(z) * 0xCB1AB31Fu;
  h = (h ^ h >> 15) * 0x2C1B3C6Du;
  h = (h ^ h >> 12) * 0x297A2D39u;
  return (h ^ h >> 15) / 4294967296.0f;
}

float LinearFromSrgb(float v) {
  return v <= 0.04045f ? v / 12.92f : std::pow((v + 0.055f) / 1.055f, 2.4f);
}
Vec LinearFromSrgb(Vec v) {
  return {LinearFromSrgb(v.x), LinearFromSrgb(v.y), LinearFromSrgb(v.z)};
}
float SrgbFromLinear(float v) {
  // Highlights roll off instead of clipping.
  v = v < 0.8f ? v : 0.8f + 0.2f * (1 - std::exp((0.8f - v) / 0.2f));
  return v <= 0.0031308f ? 12.92f * v : 1.055f * std::pow(v, 1 / 2.4f) - 0.055f;
}

class Marcher {
 public:
  explicit Marcher(const Picture& picture) : picture_(picture) {}

  // Premultiplied linear colour and coverage along one ray.
  Vec Shade(Vec origin, Vec direction, float* coverage) const {
    const Part* part = nullptr;
    const float t = March(origin, direction, &part);
    *coverage = 1;
    if (part == nullptr) {
      if (picture_.backdrop)
        return LinearFromSrgb(picture_.backdrop(direction));
      *coverage = 0;
      return {};
    }
    const Vec p = origin + direction * t;
    const Vec normal = Normal(p);
    const Vec albedo = LinearFromSrgb(part->paint(p));
    const Vec to_key = Normalize({-0.5f, 0.8f, 0.75f});
    const Vec to_eye = direction * -1;

    const float occlusion = Occlusion(p, normal);
    const float shadow = Shadow(p + normal * 0.004f, to_key);
    const float key =
        std::max(0.0f, (Dot(normal, to_key) + 0.15f) / 1.15f) * shadow;
    const float up = 0.5f + 0.5f * normal.y;
    const Vec sky = Mix(Vec{0.34f, 0.30f, 0.28f}, Vec{0.50f, 0.53f, 0.58f}, up);
    const float facing = std::max(0.0f, Dot(normal, to_eye));
    Vec light = Vec{0.80f, 0.76f, 0.70f} * key + sky * occlusion;
    // A second lamp from the right keeps the dark side readable.
    const float fill =
        std::max(0.0f, Dot(normal, Normalize({0.9f, 0.1f, 0.5f})));
    light = light + Vec{0.10f, 0.11f, 0.14f} * (fill * occlusion);
    Vec colour = albedo * light;

    const Vec half = Normalize(to_key + to_eye);
    const float shine = std::max(0.0f, Dot(normal, half));
    const float highlight =
        (0.9f * std::pow(shine, 90.0f) + 0.12f * std::pow(shine, 14.0f)) *
        shadow;
    const float rim = std::pow(1 - facing, 4.0f) * occlusion;
    return colour + Vec{1, 0.98f, 0.95f} * (part->gloss * highlight) +
           sky * (part->gloss * 0.35f * rim);
  }

 private:
  float Map(Vec p, const Part** nearest = nullptr) const {
    float best = kFar;
    for (const Part& part : picture_.parts) {
      if (Length(p - part.center) - part.radius > best) continue;
      const float d = part.distance(p);
      if (d < best) {
        best = d;
        if (nearest != nullptr) *nearest = &part;
      }
    }
    return best;
  }

  float March(Vec origin, Vec direction, const Part** hit) const {
    float t = 0.8f;
    for (int i = 0; i < 160 && t < kFar; ++i) {
      const Part* part = nullptr;
      const float d = Map(origin + direction * t, &part);
      if (d < 0.0004f) {
        *hit = part;
        return t;
      }
      t += 0.85f * d;
    }
    return kFar;
  }

  Vec Normal(Vec p) const {
    constexpr float kStep = 0.0012f;
    Vec sum;
    for (const Vec e :
         {Vec{1, -1, -1}, Vec{-1, -1, 1}, Vec{-1, 1, -1}, Vec{1, 1, 1}}) {
      sum = sum + e * Map(p + e * kStep);
    }
    return Normalize(sum);
  }

  float Shadow(Vec p, Vec to_light) const {
    float open = 1, t = 0.02f;
    for (int i = 0; i < 36 && t < 1.6f && open > 0.01f; ++i) {
      const float d = Map(p + to_light * t);
      open = std::min(open, 0.5f + 0.5f * d / (0.09f * t));
      if (open < 0) break;
      t += std::clamp(d, 0.012f, 0.12f);
    }
    open = std::max(open, 0.0f);
    return open * open * (3 - 2 * open);
  }

  float Occlusion(Vec p, Vec normal) const {
    float blocked = 0, weight = 1;
    for (int i = 1; i <= 6; ++i) {
      const float h = 0.035f * i;
      blocked += weight * std::max(0.0f, h - Map(p + normal * h));
      weight *= 0.8f;
    }
    return std::clamp(1 - 1.7f * blocked, 0.0f, 1.0f);
  }

  const Picture& picture_;
};

}  // namespace

float Sphere(Vec p, Vec center, float radius) {
  return Length(p - center) - radius;
}

float Ellipsoid(Vec p, Vec center, Vec radii) {
  const Vec q = (p - center) / radii;
  const float k0 = Length(q), k1 = Length(q / radii);
  return k0 * (k0 - 1) / std::max(k1, 1e-6f);
}

float RoundCone(Vec p, Vec a, float radius_a, Vec b, float radius_b) {
  const Vec axis = b - a;
  const float l2 = Dot(axis, axis), rr = radius_a - radius_b;
  const float a2 = l2 - rr * rr, il2 = 1 / l2;
  const Vec pa = p - a;
  const float y = Dot(pa, axis), z = y - l2;
  const Vec side = pa * l2 - axis * y;
  const float x2 = Dot(side, side), y2 = y * y * l2, z2 = z * z * l2;
  const float k = (rr > 0 ? 1 : rr < 0 ? -1 : 0) * rr * rr * x2;
  if ((z > 0 ? 1 : -1) * a2 * z2 > k)
    return std::sqrt(x2 + z2) * il2 - radius_b;
  if ((y > 0 ? 1 : -1) * a2 * y2 < k)
    return std::sqrt(x2 + y2) * il2 - radius_a;
  return (std::sqrt(x2 * a2 * il2) + y * rr) * il2 - radius_a;
}

float Box(Vec p, Vec center, Vec half_sides, float round) {
  const Vec d = p - center;
  const Vec q = {std::abs(d.x) - half_sides.x + round,
                 std::abs(d.y) - half_sides.y + round,
                 std::abs(d.z) - half_sides.z + round};
  const Vec outside = {std::max(q.x, 0.0f), std::max(q.y, 0.0f),
                       std::max(q.z, 0.0f)};
  return Length(outside) + std::min(std::max({q.x, q.y, q.z}), 0.0f) - round;
}

float Torus(Vec p, Vec center, float major, float minor) {
  const Vec d = p - center;
  return std::hypot(std::hypot(d.x, d.z) - major, d.y) - minor;
}

float Cylinder(Vec p, Vec center, float radius, float half_height,
               float round) {
  const Vec d = p - center;
  const float x = std::hypot(d.x, d.z) - radius + round;
  const float y = std::abs(d.y) - half_height + round;
  return std::min(std::max(x, y), 0.0f) +
         std::hypot(std::max(x, 0.0f), std::max(y, 0.0f)) - round;
}

float SmoothUnion(float a, float b, float width) {
  const float h = std::max(width - std::abs(a - b), 0.0f) / width;
  return std::min(a, b) - h * h * width / 4;
}

float SmoothCut(float a, float b, float width) {
  return -SmoothUnion(-a, -b, width);
}

float Noise(Vec p) {
  const float fx = std::floor(p.x), fy = std::floor(p.y), fz = std::floor(p.z);
  const int ix = fx, iy = fy, iz = fz;
  const float u = Step(0, 1, p.x - fx), v = Step(0, 1, p.y - fy),
              w = Step(0, 1, p.z - fz);
  const auto edge = [&](int dy, int dz) {
    return Mix(Hash(ix, iy + dy, iz + dz), Hash(ix + 1, iy + dy, iz + dz), u);
  };
  return Mix(Mix(edge(0, 0), edge(1, 0), v), Mix(edge(0, 1), edge(1, 1), v), w);
}

float Clouds(Vec p) {
  float sum = 0, scale = 0.5f;
  for (int octave = 0; octave < 4; ++octave) {
    sum += scale * Noise(p);
    p = p * 2.03f + Vec{1.7f, 9.2f, 3.1f};
    scale /= 2;
  }
  return sum / 0.9375f;
}

Image Render(const Picture& picture) {
  const Marcher marcher(picture);
  const int channels = picture.backdrop ? 3 : 4;
  Image image{at::empty({picture.height, picture.width, channels}, at::kFloat)};
  float* pixels = image.pixels.data_ptr<float>();
  const float tangent = std::tan(49.1f / 2 * kDegrees);
  const float tilt = -picture.look_down_degrees * kDegrees;
  const Vec eye = RotateX({0, 0, 2}, tilt);
  const int n = picture.samples;
  ParallelFor(picture.height, 4, [&](int64_t begin, int64_t end) {
    for (int64_t y = begin; y < end; ++y) {
      for (int x = 0; x < picture.width; ++x) {
        Vec colour;
        float coverage = 0;
        for (int s = 0; s < n * n; ++s) {
          const float u = x + (s % n + 0.5f) / n, v = y + (s / n + 0.5f) / n;
          const Vec ray = {(2 * u - picture.width) / picture.height * tangent,
                           (1 - 2 * v / picture.height) * tangent, -1};
          float hit;
          colour =
              colour + marcher.Shade(eye, Normalize(RotateX(ray, tilt)), &hit);
          coverage += hit;
        }
        float* out = pixels + (y * picture.width + x) * channels;
        const float scale = coverage > 0 ? 1 / coverage : 0;
        out[0] = SrgbFromLinear(colour.x * scale);
        out[1] = SrgbFromLinear(colour.y * scale);
        out[2] = SrgbFromLinear(colour.z * scale);
        if (channels == 4) out[3] = coverage / (n * n);
      }
    }
  });
  return image;
}

}  // namespace dg4d::pictures
