#ifndef DG4D_CORE_PLUGIN_SPEC_H_
#define DG4D_CORE_PLUGIN_SPEC_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "dg4d/core/config.h"
#include "dg4d/core/registry.h"

namespace dg4d {

// An option that names a plugin: `gaussian_splatting`, or
// `{plugin: gaussian_splatting, options: {low_pass: 0.3}}`. Reading it checks
// the plugin's name and options too. Naming another plugin drops the options of
// the one before.
//
// `Interface` is a plugin interface, or a class derived from one (see
// GaussianRenderer): then a plugin that is not of the derived class is an error
// that says so. Derived interfaces name their base as `Interface::Registered`.
template <typename Interface>
struct PluginSpec {
  std::string plugin;
  ConfigNode options;

  absl::StatusOr<std::unique_ptr<Interface>> Create() const {
    if constexpr (requires { typename Interface::Registered; }) {
      using Base = typename Interface::Registered;
      auto created = Registry<Base>::Create(plugin, options);
      if (!created.ok()) return created.status();
      auto* derived = dynamic_cast<Interface*>(created->get());
      if (derived == nullptr) {
        return absl::FailedPreconditionError(absl::StrCat(
            Base::kKind, " '", plugin, "' is no ", Interface::kDescription));
      }
      created->release();
      return std::unique_ptr<Interface>(derived);
    } else {
      return Registry<Interface>::Create(plugin, options);
    }
  }

  // Part of options: see options.h.
  absl::Status Read(const ConfigNode& node);
  ConfigNode Write() const;
  static std::string TypeName() { return Interface::kKind; }
};

// One of several plugins that act together, with its weight.
template <typename Interface>
struct WeightedPlugin : PluginSpec<Interface> {
  double weight = 1;

  absl::Status Read(const ConfigNode& node);
  ConfigNode Write() const;
};

namespace plugin_spec_internal {

// Reads `plugin`, `options` and, where it is not null, `weight`.
absl::Status ReadSpec(const ConfigNode& node, std::string& plugin,
                      ConfigNode& options, double* weight);
ConfigNode WriteSpec(const std::string& plugin, const ConfigNode& resolved,
                     const double* weight);

template <typename Interface>
struct RegisteredAs {
  using type = Interface;
};
template <typename Interface>
requires requires { typename Interface::Registered; }
struct RegisteredAs<Interface> {
  using type = typename Interface::Registered;
};

template <typename Interface>
absl::Status Check(const PluginSpec<Interface>& spec, const ConfigNode& node) {
  const absl::Status status = spec.Create().status();
  // Wrong options know their place; a wrong name does not.
  if (status.ok() || absl::IsInvalidArgument(status)) return status;
  return absl::Status(status.code(), node.Locate(status.message()));
}

template <typename Interface>
ConfigNode Resolved(const PluginSpec<Interface>& spec) {
  using Base = typename RegisteredAs<Interface>::type;
  const auto resolved = Registry<Base>::Resolve(spec.plugin, spec.options);
  return resolved.ok() ? *resolved : spec.options;
}

}  // namespace plugin_spec_internal

template <typename Interface>
absl::Status PluginSpec<Interface>::Read(const ConfigNode& node) {
  absl::Status status =
      plugin_spec_internal::ReadSpec(node, plugin, options, nullptr);
  return status.ok() ? plugin_spec_internal::Check(*this, node) : status;
}

template <typename Interface>
ConfigNode PluginSpec<Interface>::Write() const {
  return plugin_spec_internal::WriteSpec(
      plugin, plugin_spec_internal::Resolved(*this), nullptr);
}

template <typename Interface>
absl::Status WeightedPlugin<Interface>::Read(const ConfigNode& node) {
  absl::Status status = plugin_spec_internal::ReadSpec(node, this->plugin,
                                                       this->options, &weight);
  return status.ok() ? plugin_spec_internal::Check<Interface>(*this, node)
                     : status;
}

template <typename Interface>
ConfigNode WeightedPlugin<Interface>::Write() const {
  return plugin_spec_internal::WriteSpec(
      this->plugin, plugin_spec_internal::Resolved<Interface>(*this), &weight);
}

}  // namespace dg4d

#endif  // DG4D_CORE_PLUGIN_SPEC_H_
