#ifndef TOOLS_VERB_H_
#define TOOLS_VERB_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace dg4d {

// One command of the program: `dg4d NAME [flags] [arguments]`.
struct Verb {
  std::string name;
  std::string summary;             // one sentence
  std::string usage;               // after "dg4d NAME "
  std::vector<std::string> flags;  // the gflags it takes, in the order of help
  std::string notes;               // more help; may be empty
  // `arguments` are what is neither verb nor flag. The status decides the exit
  // code: InvalidArgument 2 (wrong usage), Cancelled 130, others 1.
  absl::Status (*run)(const std::vector<std::string>& arguments);
};

const Verb& RunVerb();
const Verb& ViewVerb();
const Verb& ExportVerb();
const Verb& RenderVerb();
const Verb& PluginsVerb();
const Verb& DoctorVerb();
const Verb& EvaluateVerb();
const Verb& BenchmarkVerb();

// Those of this program, in the order of help. Each program links one list:
// tools/verbs/verbs.cc or tools/verbs/device_verbs.cc.
std::vector<const Verb*> Verbs();

// What `dg4d doctor` says of the files that this program's verbs read and
// write: each a name and a finding.
std::vector<std::pair<std::string, std::string>> CodecFindings();

// Takes the flags of `verb` out of `words` and sets them (--name=value,
// --name value, --switch, --noswitch); returns the rest. InvalidArgument for
// flags that the verb does not take and values that do not fit.
absl::StatusOr<std::vector<std::string>> ParseFlags(
    const Verb& verb, const std::vector<std::string>& words);

// What `dg4d help` and `dg4d help NAME` print.
std::string HelpText();
std::string HelpText(const Verb& verb);

}  // namespace dg4d

#endif  // TOOLS_VERB_H_
