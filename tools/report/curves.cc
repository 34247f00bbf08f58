#include "tools/report/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "tools/report/text.h"

namespace dg4d {
namespace {

using Json = nlohmann::ordered_json;

// The plot within the picture.
constexpr double kLeft = 58, kRight = 470, kTop = 10, kBottom = 166;
// More points than this cannot be told apart in it.
constexpr size_t kColumns = 240;
// Curves that fall further than this are shown on a logarithmic scale.
constexpr double kLogarithmicRatio = 20;
constexpr size_t kLeastForMean = 40;

Curve& FindOrAdd(const std::string& stage, const std::string& name,
                 std::vector<Curve>& curves) {
  for (Curve& curve : curves) {
    if (curve.stage == stage && curve.name == name) return curve;
  }
  curves.push_back({.stage = stage, .name = name});
  return curves.back();
}

// A linear or logarithmic scale onto [from, to].
struct Scale {
  double low, high, from, to;
  bool logarithmic = false;

  double operator()(double value) const {
    const double share = logarithmic
                             ? std::log(value / low) / std::log(high / low)
                             : (value - low) / (high - low);
    return from + share * (to - from);
  }
};

// Round numbers within [low, high], about `count` of them.
std::vector<double> RoundNumbers(double low, double high, int count,
                                 double least_step) {
  const double rough = std::max((high - low) / count, least_step);
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * decade >= rough * 0.999) {
      step = factor * decade;
      break;
    }
  }
  std::vector<double> numbers;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + step * 1e-9;
       ++i) {
    numbers.push_back(i * step);
  }
  return numbers;
}

// 1, 2 and 5 of each decade within [low, high]; the 1s alone if there are many.
std::vector<double> RoundLogarithms(double low, double high) {
  const bool many = high / low > 300;
  std::vector<double> numbers;
  for (double decade = std::pow(10, std::floor(std::log10(low)));
       decade <= high; decade *= 10) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double number = factor * decade;
      if (number < low || number > high || (many && factor > 1)) continue;
      numbers.push_back(number);
    }
  }
  return numbers;
}

// Finite values with their steps.
using Points = std::vector<std::pair<double, double>>;

// The lowest and the highest of each column, so that no spike is lost.
Points Thinned(const Points& points) {
  if (points.size() <= 2 * kColumns) return points;
  Points thinned;
  for (size_t column = 0; column < kColumns; ++column) {
    const auto begin = points.begin() + points.size() * column / kColumns;
    const auto end = points.begin() + points.size() * (column + 1) / kColumns;
    auto [low, high] = std::minmax_element(
        begin, end,
        [](const auto& a, const auto& b) { return a.second < b.second; });
    if (high < low) std::swap(low, high);
    thinned.push_back(*low);
    if (low != high) thinned.push_back(*high);
  }
  return thinned;
}

// The mean over a twentieth of the points around each of some.
Points Means(const Points& points) {
  const size_t half = points.size() / 40;
  std::vector<double> sums = {0};
  for (const auto& [step, value] : points) sums.push_back(sums.back() + value);
  Points means;
  const size_t stride = std::max<size_t>(1, points.size() / kColumns);
  for (size_t i = 0; i < points.size(); i += stride) {
    // As many to both sides, so that the ends are not drawn inwards.
    const size_t reach = std::min({half, i, points.size() - 1 - i});
    means.emplace_back(points[i].first,
                       (sums[i + reach + 1] - sums[i - reach]) /
                           static_cast<double>(2 * reach + 1));
  }
  return means;
}

std::string Path(const Points& points, const Scale& x, const Scale& y) {
  std::string path;
  for (const auto& [step, value] : points) {
    absl::StrAppendFormat(&path, "%s%.1f %.1f", path.empty() ? "M" : " L",
                          x(step), y(value));
  }
  return path;
}

Json Ticks(const std::vector<double>& numbers, const Scale& scale) {
  Json ticks = Json::array();
  for (const double number : numbers) {
    ticks.push_back({{"at", absl::StrFormat("%.1f", scale(number))},
                     {"label", NumberText(number)}});
  }
  return ticks;
}

}  // namespace

std::vector<Curve> ReadCurves(absl::string_view metrics_jsonl) {
  std::vector<Curve> curves;
  for (const absl::string_view line : absl::StrSplit(metrics_jsonl, '\n')) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object() || !json.contains("stage") ||
        !json.contains("step") || !json["stage"].is_string() ||
        !json["step"].is_number_integer()) {
      continue;
    }
    const auto step = json["step"].get<int64_t>();
    for (const auto& [name, value] : json.items()) {
      if (name == "stage" || name == "step") continue;
      if (!value.is_number() && !value.is_null()) continue;
      Curve& curve = FindOrAdd(json["stage"], name, curves);
      while (!curve.steps.empty() && curve.steps.back() >= step) {
        curve.steps.pop_back();
        curve.values.pop_back();
      }
      curve.steps.push_back(step);
      curve.values.push_back(value.is_number()
                                 ? value.get<double>()
                                 : std::numeric_limits<double>::quiet_NaN());
    }
  }
  return curves;
}

nlohmann::ordered_json ChartOf(const Curve& curve) {
  Points points;
  for (size_t i = 0; i < curve.steps.size(); ++i) {
    if (!std::isfinite(curve.values[i])) continue;
    points.emplace_back(static_cast<double>(curve.steps[i]), curve.values[i]);
  }
  if (points.size() < 2) return nullptr;
  const auto [lowest, highest] = std::minmax_element(
      points.begin(), points.end(),
      [](const auto& a, const auto& b) { return a.second < b.second; });
  const double low = lowest->second, high = highest->second;
  if (low == high) return nullptr;

  const bool logarithmic = low > 0 && high / low > kLogarithmicRatio;
  // From zero where that wastes little of the height.
  const bool from_zero = !logarithmic && low > 0 && low < 0.5 * high;
  const double margin = 0.04 * (high - low);
  const Scale x = {0, points.back().first, kLeft, kRight};
  const Scale y = {from_zero     ? 0
                   : logarithmic ? low
                                 : low - margin,
                   logarithmic ? high : high + margin, kBottom, kTop,
                   logarithmic};
  const Points means =
      points.size() >= kLeastForMean ? Means(points) : Points();
  const size_t unknown = curve.values.size() - points.size();
  return {
      {"title", ValidUtf8(curve.name)},
      {"stage", ValidUtf8(curve.stage)},
      {"line", Path(Thinned(points), x, y)},
      {"mean", Path(means, x, y)},
      {"has_mean", !means.empty()},
      {"logarithmic", logarithmic},
      {"x_ticks", Ticks(RoundNumbers(0, points.back().first, 5, 1), x)},
      {"y_ticks", Ticks(logarithmic ? RoundLogarithms(y.low, y.high)
                                    : RoundNumbers(y.low, y.high, 4, 0),
                        y)},
      {"summary",
       absl::StrCat(NumberText(points.front().second), " at step ",
                    NumberText(points.front().first), ", ",
                    NumberText(points.back().second), " at step ",
                    NumberText(points.back().first), "; lowest ",
                    NumberText(low), ", highest ", NumberText(high),
                    unknown == 0
                        ? ""
                        : absl::StrCat("; not finite at ",
                                       CountText(static_cast<int64_t>(unknown),
                                                 "step", "steps")))},
  };
}

}  // namespace dg4d
