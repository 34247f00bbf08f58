// The program: `dg4d VERB [flags] [arguments]`.

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dg4d/base/status.h"
#include "dg4d/core/config.h"
#include "glog/logging.h"
#include "tools/verb.h"

namespace dg4d {
namespace {

constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2, kInterrupted = 130;

const Verb* FindVerb(const std::string& name) {
  for (const Verb* verb : Verbs()) {
    if (verb->name == name) return verb;
  }
  return nullptr;
}

int UnknownVerb(const std::string& name) {
  std::vector<std::string> names;
  for (const Verb* verb : Verbs()) names.push_back(verb->name);
  std::cerr << "dg4d: no command '" << name << "'" << DidYouMean(name, names)
            << "; see dg4d help\n";
  return kWrongUsage;
}

int ExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kDone;
    case absl::StatusCode::kInvalidArgument:
      return kWrongUsage;
    case absl::StatusCode::kCancelled:
      return kInterrupted;
    default:
      return kFailed;
  }
}

int Main(std::vector<std::string> words) {
  if (words.empty()) {
    std::cout << HelpText();
    return kWrongUsage;
  }
  const std::string name = words.front();
  words.erase(words.begin());
  if (name == "help" || name == "--help" || name == "-h") {
    if (words.empty()) {
      std::cout << HelpText();
      return kDone;
    }
    const Verb* verb = FindVerb(words.front());
    if (verb == nullptr) return UnknownVerb(words.front());
    std::cout << HelpText(*verb);
    return kDone;
  }
  const Verb* verb = FindVerb(name);
  if (verb == nullptr) return UnknownVerb(name);
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") {
      std::cout << HelpText(*verb);
      return kDone;
    }
  }
  const absl::Status status = CatchExceptions([&]() -> absl::Status {
    DG4D_ASSIGN_OR_RETURN(const std::vector<std::string> arguments,
                          ParseFlags(*verb, words));
    return verb->run(arguments);
  });
  if (!status.ok()) {
    std::cerr << "dg4d " << verb->name << ": " << status.message() << "\n";
  }
  return ExitCode(status);
}

}  // namespace
}  // namespace dg4d

int main(int argc, char** argv) {
  FLAGS_logtostderr = true;
  google::InitGoogleLogging(argv[0]);
  // `bazel run` starts elsewhere than where the user stands.
  if (const char* directory = std::getenv("BUILD_WORKING_DIRECTORY")) {
    if (chdir(directory) != 0) {
      std::cerr << "dg4d: cannot enter " << directory << "\n";
      return dg4d::kFailed;
    }
  }
  return dg4d::Main(std::vector<std::string>(argv + 1, argv + argc));
}
