#ifndef DG4D_DIFFUSION_JSON_CONFIG_H_
#define DG4D_DIFFUSION_JSON_CONFIG_H_

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace dg4d::diffusion {

// Reads a component's config.json: values with the defaults of the library that
// wrote it, strictly. A key that is absent or null has its default. What is
// wrong is collected, and so is every key that says something and was not
// asked for: it would change the network in a way that is not supported.
//
//   JsonConfig json = ...;
//   const int64_t width = json.Integer("hidden_size", 768);
//   json.Only("act_fn", {"silu"});
//   DG4D_RETURN_IF_ERROR(json.Finish());
class JsonConfig {
 public:
  // NotFound or DataLoss, naming the file.
  static absl::StatusOr<JsonConfig> Read(const std::string& path);
  // `file` stands for the file in messages.
  static absl::StatusOr<JsonConfig> Parse(absl::string_view text,
                                          const std::string& file);

  // A positive integer, at most a million: sizes are bounded before anything
  // is allocated.
  int64_t Integer(const std::string& key, int64_t otherwise);
  double Number(const std::string& key, double otherwise);
  bool Flag(const std::string& key, bool otherwise);
  std::string Text(const std::string& key, const std::string& otherwise);
  // One to 16 of them; a single integer stands for `count` equal ones.
  std::vector<int64_t> Integers(const std::string& key,
                                const std::vector<int64_t>& otherwise,
                                size_t count);
  // `otherwise.size()` of them.
  std::vector<double> Numbers(const std::string& key,
                              const std::vector<double>& otherwise);
  // A size of square pictures: an integer, or an object whose height and width
  // are that.
  int64_t Edge(const std::string& key, int64_t otherwise);
  std::vector<std::string> Texts(const std::string& key,
                                 const std::vector<std::string>& otherwise);

  // Is there such a key, with a value other than null?
  bool Has(const std::string& key) const;
  // An error unless Has(key): for values that no default should stand for.
  void Require(const std::string& key);
  // The key is absent, null or has one of these values (JSON), which are the
  // ones implemented.
  void Only(const std::string& key, const std::vector<std::string>& values);
  // These keys say nothing about how the network computes.
  void Ignore(const std::vector<std::string>& keys);
  // So do all that were not asked for.
  void IgnoreTheRest() { lenient_ = true; }
  // The values of the object `key` before those of the top level: configs of
  // transformers nest them.
  void Enter(const std::string& key);

  // Adds an error of the caller's own.
  void Complain(absl::string_view problem);

  // InvalidArgument with the file and everything that is wrong. Keys that start
  // with '_', and unknown ones whose value is null or false, are passed over.
  absl::Status Finish() const;

 private:
  const nlohmann::json* Find(const std::string& key);

  std::string file_;
  std::shared_ptr<nlohmann::json> json_;
  std::set<std::string> asked_;
  std::vector<std::string> problems_;
  bool lenient_ = false;
};

}  // namespace dg4d::diffusion

#endif  // DG4D_DIFFUSION_JSON_CONFIG_H_
