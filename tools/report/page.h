#ifndef TOOLS_REPORT_PAGE_H_
#define TOOLS_REPORT_PAGE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/report/curves.h"

namespace dg4d {

// What a report says. Pictures are data: addresses; what is empty is left out.
struct Report {
  // As run.json has it: see RunRecord.
  nlohmann::ordered_json record;
  std::vector<Curve> curves;
  std::string config;   // the text of run.yaml
  std::string command;  // which makes the same again

  struct Picture {
    std::string url;
    std::string caption;
  };
  std::vector<Picture> inputs;

  // Once around the moving object: pictures of one size in rows and columns of
  // one large picture, which the page moves behind a window.
  struct Turntable {
    std::string url;
    std::string caption;
  };
  struct Sheet {
    int columns = 0;
    int rows = 0;
    int side = 0;    // pixels of one picture
    double fps = 0;  // pictures a second
  };
  Sheet sheet;  // the same of all turntables
  std::vector<Turntable> turntables;

  // Times of the driving video: the driving frame and what was made of it, as
  // seen from the same camera.
  struct Frame {
    std::string label;
    std::vector<Picture> pictures;
  };
  std::vector<Frame> frames;
  std::string no_pictures;  // why there are none

  struct File {
    std::string path;  // below the output folder
    int64_t bytes = 0;
  };
  std::vector<File> files;  // by path
  // What lies at a path: {"asset.glb", "One glTF ..."}.
  std::vector<std::pair<std::string, std::string>> contents;
};

// The newest measures of `part` ("gaussians" or "mesh") in a run.json; null if
// there are none.
nlohmann::ordered_json LatestMeasures(const nlohmann::ordered_json& record,
                                      const char* part);

// One page of HTML with everything in it and no script. It is UTF-8 whatever
// the names and texts are; nothing of them is taken for HTML.
std::string ReportPage(const Report& report);

}  // namespace dg4d

#endif  // TOOLS_REPORT_PAGE_H_
