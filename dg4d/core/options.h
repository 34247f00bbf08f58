#ifndef DG4D_CORE_OPTIONS_H_
#define DG4D_CORE_OPTIONS_H_

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dg4d/core/config.h"

namespace dg4d {

// Typed options. A plugin declares
//
//   struct Options {
//     int iterations = 500;
//     Schedule means_rate = {1e-3, 2e-5, 500};
//     std::string topology = "constant";
//     PluginSpec<GaussianRenderer> renderer = {"gaussian_splatting"};
//
//     template <typename V>
//     void Visit(V& v) {
//       v("iterations", iterations, "Steps of optimisation.");
//       v("means_rate", means_rate, "Learning rate of the positions.");
//       v("topology", topology, {"constant", "per_frame"}, "One mesh or
//       many."); v("renderer", renderer, "Draws the Gaussians.");
//     }
//     absl::Status Validate() const;  // optional
//   };
//
// and this one Visit serves reading with strict checks, the documentation of
// `dg4d plugins`, and the resolved configuration. A value may be a bool, an
// integer, a floating-point number, a string, a string of given choices, a
// Schedule, a PluginSpec (plugin_spec.h), a struct with a Visit, or a
// std::vector of these.

// A rate that goes from one value to another: exponentially if both are
// positive, else linearly, over `steps`; then it stays.
struct Schedule {
  double from = 0;
  double to = 0;
  int64_t steps = 1;

  double At(int64_t step) const;

  template <typename V>
  void Visit(V& v) {
    v("from", from, "Value at step 0.");
    v("to", to, "Value from step `steps` on.");
    v("steps", steps, "Steps from one to the other.");
  }
};

// Collects everything that is wrong, so that a user sees it at once.
class Errors {
 public:
  void Add(std::string message) { messages_.push_back(std::move(message)); }
  void Add(const absl::Status& status) {
    if (!status.ok()) Add(std::string(status.message()));
  }
  bool empty() const { return messages_.empty(); }
  // OK, or InvalidArgument with one message a line.
  absl::Status ToStatus() const;

 private:
  std::vector<std::string> messages_;
};

// What `dg4d plugins` says of one option.
struct OptionDescription {
  std::string name;  // dotted for options of options
  std::string type;
  std::string default_value;  // YAML, on one line
  std::vector<std::string> choices;
  std::string help;
};

// A type that PluginSpec-like values give to take part in options: `Read` from
// a node, `Write` to one, `TypeName` for documentation.
template <typename T>
concept SelfReading = requires(T value, const ConfigNode& node) {
  { value.Read(node) } -> std::same_as<absl::Status>;
  { value.Write() } -> std::same_as<ConfigNode>;
  { T::TypeName() } -> std::convertible_to<std::string>;
};

namespace options_internal {

struct AnyVisitor {
  template <typename... A>
  void operator()(A&&...) {}
};

template <typename T>
concept Visitable = requires(T value, AnyVisitor visitor) {
  value.Visit(visitor);
};

absl::Status ReadScalar(const ConfigNode& node, bool& value);
absl::Status ReadScalar(const ConfigNode& node, int64_t& value);
absl::Status ReadScalar(const ConfigNode& node, double& value);
absl::Status ReadScalar(const ConfigNode& node, std::string& value);
// The shortest text that reads back as `value`.
std::string NumberText(double value);

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};

template <typename T>
std::string TypeName() {
  if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_integral_v<T>)
    return "int";
  else if constexpr (std::is_floating_point_v<T>)
    return "number";
  else if constexpr (std::is_same_v<T, std::string>)
    return "string";
  else if constexpr (IsVector<T>::value)
    return absl::StrCat("list of ", TypeName<typename T::value_type>());
  else if constexpr (SelfReading<T>)
    return T::TypeName();
  else
    return "map";
}

}  // namespace options_internal

template <typename T>
absl::Status ReadValue(const ConfigNode& node, T& value);
template <typename T>
ConfigNode WriteValue(const T& value);

// Reads a map into options; keeps the default of each key that is missing.
class OptionReader {
 public:
  explicit OptionReader(const ConfigNode& node);

  template <typename T>
  void operator()(const char* name, T& value, const char*) {
    if (const ConfigNode* node = Take(name)) {
      errors_.Add(ReadValue(*node, value));
    }
  }
  void operator()(const char* name, std::string& value,
                  std::initializer_list<const char*> choices, const char*);

  // What was wrong so far, and each key of the map that nothing asked for.
  absl::Status Finish();

 private:
  const ConfigNode* Take(const char* name);

  const ConfigNode& node_;
  std::vector<std::string> known_;
  Errors errors_;
};

// Writes every option into a map.
class OptionWriter {
 public:
  template <typename T>
  void operator()(const char* name, T& value, const char*) {
    node_[name] = WriteValue(value);
  }
  void operator()(const char* name, std::string& value,
                  std::initializer_list<const char*>, const char*) {
    node_[name] = ConfigNode::Scalar(value);
  }
  ConfigNode node_ = ConfigNode::Map();
};

// Lists every option with its default.
class OptionDescriber {
 public:
  template <typename T>
  void operator()(const char* name, T& value, const char* help) {
    if constexpr (options_internal::Visitable<T>) {
      OptionDescriber inner;
      value.Visit(inner);
      for (OptionDescription& option : inner.options_) {
        option.name = absl::StrCat(name, ".", option.name);
        if (option.help.empty()) option.help = help;
        options_.push_back(std::move(option));
      }
    } else {
      options_.push_back({name,
                          options_internal::TypeName<T>(),
                          OneLineYaml(WriteValue(value)),
                          {},
                          help});
    }
  }
  void operator()(const char* name, std::string& value,
                  std::initializer_list<const char*> choices,
                  const char* help) {
    options_.push_back({name,
                        "choice",
                        OneLineYaml(ConfigNode::Scalar(value)),
                        {choices.begin(), choices.end()},
                        help});
  }
  std::vector<OptionDescription> options_;

 private:
  static std::string OneLineYaml(const ConfigNode& node);
};

// Options of type O from `node` (a map, or null for all defaults), checked, or
// InvalidArgument with every error: one a line, each with its place.
template <typename O>
absl::StatusOr<O> ReadOptions(const ConfigNode& node) {
  O options;
  OptionReader reader(node);
  options.Visit(reader);
  if (absl::Status status = reader.Finish(); !status.ok()) return status;
  if constexpr (requires { options.Validate(); }) {
    if (absl::Status status = options.Validate(); !status.ok()) {
      return absl::InvalidArgumentError(node.Locate(status.message()));
    }
  }
  return options;
}

template <typename O>
ConfigNode WriteOptions(O options) {
  OptionWriter writer;
  options.Visit(writer);
  return std::move(writer.node_);
}

template <typename O>
std::vector<OptionDescription> DescribeOptions() {
  O options;
  OptionDescriber describer;
  options.Visit(describer);
  return std::move(describer.options_);
}

template <typename T>
absl::Status ReadValue(const ConfigNode& node, T& value) {
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
    return options_internal::ReadScalar(node, value);
  } else if constexpr (std::is_integral_v<T>) {
    int64_t wide;
    absl::Status status = options_internal::ReadScalar(node, wide);
    if (status.ok() && !std::in_range<T>(wide)) {
      status = absl::InvalidArgumentError(
          node.Locate(absl::StrCat(wide, " is out of range")));
    }
    if (status.ok()) value = static_cast<T>(wide);
    return status;
  } else if constexpr (std::is_floating_point_v<T>) {
    double wide;
    absl::Status status = options_internal::ReadScalar(node, wide);
    if (status.ok()) value = static_cast<T>(wide);
    return status;
  } else if constexpr (options_internal::IsVector<T>::value) {
    if (!node.is_list()) {
      return absl::InvalidArgumentError(
          node.Locate("expected a list, as [a, b]"));
    }
    T read;
    Errors errors;
    for (const ConfigNode& item : node.items) {
      errors.Add(ReadValue(item, read.emplace_back()));
    }
    if (errors.empty()) value = std::move(read);
    return errors.ToStatus();
  } else if constexpr (SelfReading<T>) {
    return value.Read(node);
  } else {
    OptionReader reader(node);
    value.Visit(reader);
    absl::Status status = reader.Finish();
    if constexpr (requires { value.Validate(); }) {
      if (status.ok() && !(status = value.Validate()).ok()) {
        status = absl::InvalidArgumentError(node.Locate(status.message()));
      }
    }
    return status;
  }
}

template <typename T>
ConfigNode WriteValue(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return ConfigNode::Scalar(value ? "true" : "false");
  } else if constexpr (std::is_same_v<T, std::string>) {
    return ConfigNode::Scalar(value);
  } else if constexpr (std::is_integral_v<T>) {
    return ConfigNode::Scalar(absl::StrCat(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return ConfigNode::Scalar(options_internal::NumberText(value));
  } else if constexpr (options_internal::IsVector<T>::value) {
    ConfigNode list = ConfigNode::List();
    for (const auto& item : value) list.items.push_back(WriteValue(item));
    return list;
  } else if constexpr (SelfReading<T>) {
    return value.Write();
  } else {
    return WriteOptions(value);
  }
}

}  // namespace dg4d

#endif  // DG4D_CORE_OPTIONS_H_
